"""Versions of all that can change a result."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("imc-grapes", "torch", "aihwkit", "numpy", "numba", "scikit-learn", "kornia")


def versions() -> dict[str, str]:
    """Version of Python and of each package, without importing any."""
    versions_here = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions_here[package] = version(package)
        except PackageNotFoundError:
            versions_here[package] = "not installed"
    return versions_here
