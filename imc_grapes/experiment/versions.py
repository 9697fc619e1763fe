"""Versions of all that can change a result."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("imc-grapes", "torch", "aihwkit", "numpy", "numba", "scikit-learn", "kornia")


def versions() -> dict[str, str]:
    """Version of Python and of each package, without importing any."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
