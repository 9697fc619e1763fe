"""aihwkit, compiled once per torch and Python, and kept as a wheel in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from command import clean_environment, run_logged
from failure import SetupFailure
from interpreter import Interpreter
from lock import locked
from progress import Progress
from system_packages import build_requirements, provide

AIHWKIT_VERSION = "1.2.0"

# The build ends with a call of stubgen, which mypy brings; without it, five minutes are lost.
BUILD_TOOLS = (
    *("cmake>=4.2.1", "scikit-build", "pybind11", "ninja", "setuptools", "wheel"),
    *("numpy", "scipy", "mypy"),
)

LONGEST_TMPDIR = 50

PROOF_MODULE = "imc_grapes.doctor.analog_proof"


def wheel_cache() -> Path:
    """Return the user-level folder of the wheels, one folder per key."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "imc-grapes" / "wheels"


def wheel_key(torch_version: str, python: Interpreter) -> str:
    """Return the name of a wheel's folder: what a compiled aihwkit depends on.

    `torch_version` is the full one, with its local label: `2.13.0+cpu` is not `2.13.0+cu130`.
    """
    parts = (f"aihwkit-{AIHWKIT_VERSION}", f"torch-{torch_version}", python.abi, python.platform)
    return "--".join(parts)


def may_be_cached(python: Interpreter) -> bool:
    """Tell, before torch is there, whether a wheel for this Python and any torch is kept."""
    return any(wheel_cache().glob(wheel_key("*", python) + "/*.whl"))


def cached_wheel(folder: Path) -> Path | None:
    """Return the wheel kept in `folder`; one that is no whole archive is put aside."""
    wheels = sorted(folder.glob("aihwkit-*.whl"))
    if not wheels:
        return None
    try:
        with zipfile.ZipFile(wheels[0]) as archive:
            whole = archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError):
        whole = False
    if whole:
        return wheels[0]
    put_aside(folder)
    return None


def put_aside(folder: Path) -> Path:
    """Rename a folder whose wheel does not work, and say so. Returns the new place."""
    aside = folder.with_name(f"{folder.name}.broken-{time.time_ns()}")
    folder.rename(aside)
    print(f"  The kept aihwkit wheel does not work here: moved to {aside}", flush=True)
    return aside


def proof_of(python: Interpreter, root: Path) -> str | None:
    """Train an analog layer for one step in a process of its own; None if that works, else why not.

    A process of its own because a binary for another torch may well crash.
    """
    result = subprocess.run(
        [python.executable, "-m", PROOF_MODULE],
        cwd=root,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    if result.returncode == 0 and result.stdout.startswith(f"aihwkit {AIHWKIT_VERSION} "):
        return None
    said = (result.stderr + result.stdout).strip().splitlines()
    return said[-1] if said else f"the process ended with status {result.returncode}"


def ensure_aihwkit(python: Interpreter, root: Path, log: Path) -> None:
    """Leave a working aihwkit in the environment of `python`: the one there, or kept, or built.

    Only a wheel that passed the proof goes into the cache. Raises `SetupFailure`.
    """
    progress = Progress(f"aihwkit {AIHWKIT_VERSION}", sys.stdout)
    if proof_of(python, root) is None:
        progress.finish(f"aihwkit {AIHWKIT_VERSION} is there and trains a layer")
        return
    torch_version = _torch_version(python)
    folder = wheel_cache() / wheel_key(torch_version, python)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(folder.name + ".lock")
    lock.touch()
    with locked(lock, "Another set-up is building aihwkit for this torch: waiting for it"):
        if _install_kept(folder, python, root, log):
            return
        provide(build_requirements(python), python, log)
        _build(folder, torch_version, python, root, log)


def _install_kept(folder: Path, python: Interpreter, root: Path, log: Path) -> bool:
    wheel = cached_wheel(folder)
    if wheel is None:
        return False
    progress = Progress(f"aihwkit {AIHWKIT_VERSION} from the wheel cache", sys.stdout)
    try:
        _install(wheel, python, progress, log)
        failure = proof_of(python, root)
    except SetupFailure as error:
        failure = str(error)
    if failure is None:
        progress.finish(f"aihwkit {AIHWKIT_VERSION} from the wheel cache trains a layer")
        return True
    progress.abandon()
    _write(log, f"the wheel {wheel} failed: {failure}")
    put_aside(folder)
    return False


def _build(folder: Path, torch_version: str, python: Interpreter, root: Path, log: Path) -> None:
    """Compile the wheel in a folder of its own, prove it, and only then give it its name."""
    building = folder.with_name(folder.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    workspace = short_temporary_folder()
    pip = [python.executable, "-m", "pip"]
    environment = {
        # The build calls `python`, `cmake` and `stubgen` by name.
        "PATH": os.pathsep.join((str(Path(python.executable).parent), os.environ["PATH"])),
        "TMPDIR": str(workspace),
    }
    try:
        tools = Progress("build tools", sys.stdout)
        constraints = ["-c", str(root / "setup" / "constraints.txt")]
        install = ["install", "--progress-bar", "off", *constraints, *BUILD_TOOLS]
        run_logged([*pip, *install], tools, log)
        tools.finish()

        print(
            f"  Compiling aihwkit {AIHWKIT_VERSION} against torch {torch_version}:"
            " about 5 minutes on 2 cores, once",
            flush=True,
        )
        compiling = Progress("compiling aihwkit", sys.stdout)
        # pip keeps wheels it built under the name of the source alone: without --no-cache-dir it
        # would hand out one that was compiled against another torch.
        source = ["--no-deps", "--no-binary", "aihwkit", f"aihwkit=={AIHWKIT_VERSION}"]
        build = ["wheel", "-v", "--no-cache-dir", "--no-build-isolation", *source]
        build += ["--wheel-dir", str(building), "--progress-bar", "off"]
        run_logged([*pip, *build], compiling, log, environment=environment)
        compiling.finish(f"aihwkit {AIHWKIT_VERSION} compiled")

        proving = Progress("aihwkit installed and proved", sys.stdout)
        (wheel,) = building.glob("aihwkit-*.whl")
        _install(wheel, python, proving, log)
        failure = proof_of(python, root)
        if failure is not None:
            raise SetupFailure(
                f"aihwkit was compiled but does not work with torch {torch_version}: {failure}\n"
                f"The log of the build is {log}"
            )
        proving.finish(f"aihwkit {AIHWKIT_VERSION} trains a layer; kept in the wheel cache")
        building.rename(folder)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.rmtree(building, ignore_errors=True)


def short_temporary_folder() -> Path:
    """Return a new folder for the build to use as TMPDIR.

    stubgen, the build's last step, opens a Unix socket in it, whose whole path may take no more
    than 107 bytes (103 on macOS).
    """
    usual = tempfile.gettempdir()
    base = usual if len(os.fsencode(usual)) <= LONGEST_TMPDIR else "/tmp"
    return Path(tempfile.mkdtemp(prefix="aihwkit-", dir=base))


def _install(wheel: Path, python: Interpreter, progress: Progress, log: Path) -> None:
    options = ["--no-index", "--no-deps", "--force-reinstall"]
    run_logged([python.executable, "-m", "pip", "install", *options, str(wheel)], progress, log)


def _torch_version(python: Interpreter) -> str:
    """Return the version torch gives itself; the one of its metadata may lack the local label."""
    result = subprocess.run(
        [python.executable, "-c", "import torch; print(torch.__version__)"],
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        raise SetupFailure(f"the installed torch cannot be imported:\n{result.stderr}")
    return result.stdout.strip()


def _write(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(line + "\n")
