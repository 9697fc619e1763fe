"""What has to come from the system's package manager before aihwkit can be compiled."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from command import run_logged
from failure import SetupFailure
from interpreter import Interpreter
from progress import Progress

APT_OPTIONS = ("-q", "-y", "-o", "DPkg::Lock::Timeout=300")

# Where aihwkit's FindOpenBLAS.cmake looks, besides the compiler's and cmake's own folders.
_BLAS_PREFIXES = ("/usr", "/usr/local", "/usr/local/opt/openblas", "/opt/OpenBLAS")
_BLAS_PREFIX_VARIABLES = ("OpenBLAS_HOME", "OPENBLAS_ROOT_DIR", "CONDA_PREFIX")


@dataclass(frozen=True)
class Requirement:
    """Something the system has to offer, and the package that brings it, per package manager."""

    name: str
    is_met: Callable[[Interpreter], bool]
    apt: str
    dnf: str
    brew: str
    conda: str


def _has_compiler(python: Interpreter) -> bool:
    def found(variable: str, names: tuple[str, ...]) -> bool:
        return any(shutil.which(name) for name in (os.environ.get(variable), *names) if name)

    return found("CC", ("cc", "gcc", "clang")) and found("CXX", ("c++", "g++", "clang++"))


def _has_openblas(python: Interpreter) -> bool:
    prefixes = [Path(prefix) for prefix in _BLAS_PREFIXES]
    prefixes += [Path(os.environ[name]) for name in _BLAS_PREFIX_VARIABLES if os.environ.get(name)]
    # cmake also searches the prefix of every `bin` on PATH, and what CMAKE_PREFIX_PATH names.
    prefixes += [Path(entry).parent for entry in _entries("PATH") if entry.endswith("bin")]
    prefixes += [Path(entry) for entry in _entries("CMAKE_PREFIX_PATH")]
    arch = python.multiarch
    library = "libopenblas.dylib" if sys.platform == "darwin" else "libopenblas.so"
    return _any_file(
        prefixes, ("include", f"include/{arch}", "include/openblas", ""), "openblas_config.h"
    ) and _any_file(prefixes, ("lib", f"lib/{arch}", "lib64", ""), library)


def _any_file(prefixes: Iterable[Path], folders: Iterable[str], name: str) -> bool:
    return any((prefix / folder / name).is_file() for prefix in prefixes for folder in folders)


def _entries(variable: str) -> list[str]:
    return [entry.rstrip("/") for entry in os.environ.get(variable, "").split(os.pathsep) if entry]


def _has_python_headers(python: Interpreter) -> bool:
    return (Path(python.include) / "Python.h").is_file()


def build_requirements(python: Interpreter) -> list[Requirement]:
    """Return what compiling aihwkit needs, whether it is there or not."""
    return [
        Requirement(
            name="a C++ compiler",
            is_met=_has_compiler,
            apt="g++",
            dnf="gcc-c++",
            brew="gcc",
            conda="cxx-compiler",
        ),
        Requirement(
            name="the OpenBLAS headers and library",
            is_met=_has_openblas,
            apt="libopenblas-dev",
            dnf="openblas-devel",
            brew="openblas",
            conda="openblas",
        ),
        Requirement(
            name="the Python headers",
            is_met=_has_python_headers,
            apt=f"python{python.minor_version}-dev",
            dnf=f"python{python.minor_version}-devel",
            brew=f"python@{python.minor_version}",
            conda=f"python={python.minor_version}",
        ),
    ]


def environment_requirement(python: Interpreter) -> Requirement:
    """Return what making a virtual environment needs (Debian splits it off from Python)."""
    return Requirement(
        name="Python's venv module with pip",
        is_met=lambda python: python.has_ensurepip,
        apt=f"python{python.minor_version}-venv",
        dnf="python3-pip",
        brew=f"python@{python.minor_version}",
        conda=f"python={python.minor_version}",
    )


def missing(requirements: Iterable[Requirement], python: Interpreter) -> list[Requirement]:
    """Return those of the requirements that are not met."""
    return [requirement for requirement in requirements if not requirement.is_met(python)]


def provide(requirements: list[Requirement], python: Interpreter, log: Path) -> None:
    """Install with apt what is missing, if this is root and there is apt.

    Raises `SetupFailure` with status 2 and the message that names the packages if anything is
    still missing after that.
    """
    absent = missing(requirements, python)
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        _install_with_apt([requirement.apt for requirement in absent], log)
        absent = missing(requirements, python)
    if absent:
        raise SetupFailure(what_to_install(absent), exit_status=2)


def what_to_install(absent: list[Requirement]) -> str:
    """Return the message that names what is missing and the packages that bring it."""
    packages = {
        manager: " ".join(getattr(requirement, manager) for requirement in absent)
        for manager in ("apt", "dnf", "brew", "conda")
    }
    return f"""\
imc-grapes cannot be set up yet. Missing on this system: {_listing(absent)}.
They are needed once, to compile aihwkit against the installed torch. Install them with one of

  apt    sudo apt-get install {packages["apt"]}
  dnf    sudo dnf install {packages["dnf"]}
  brew   brew install {packages["brew"]}
  conda  conda install -c conda-forge {packages["conda"]}

and run the same command again."""


def _listing(absent: list[Requirement]) -> str:
    names = [requirement.name for requirement in absent]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _install_with_apt(packages: list[str], log: Path) -> None:
    """Install the packages; a failure is left to the check that follows, which names them all."""
    progress = Progress(f"apt-get install {' '.join(packages)}", sys.stdout)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", *APT_OPTIONS, "--no-install-recommends", *packages]
    # An update that fails halfway, say for one bad mirror, often leaves lists that are enough.
    with contextlib.suppress(SetupFailure):
        run_logged(["apt-get", "update", "-q"], progress, log, environment=quiet)
    with contextlib.suppress(SetupFailure):
        run_logged(install, progress, log, environment=quiet)
        progress.finish()
