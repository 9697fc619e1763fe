"""The checks of `imc-grapes doctor`, one small function each.

Nothing that is checked is imported at the top: an installation in which torch is broken has to
get as far as saying so.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from imc_grapes.doctor.check import Check

OLDEST_PYTHON = (3, 11)
FREE_SPACE_NEEDED_GB = 1.0

_NEW_ENVIRONMENT = "make the environment anew: rm -rf .venv && make setup"


def run_checks() -> list[Check]:
    """Run all checks, in the order in which a failure explains those after it."""
    return [_guarded(name, check) for name, check in CHECKS.items()]


def check_python() -> Check:
    """Check that this Python is new enough."""
    detail = f"{platform.python_version()}, {sys.executable}"
    ok = tuple(sys.version_info) >= OLDEST_PYTHON
    oldest = ".".join(str(part) for part in OLDEST_PYTHON)
    remedy = "" if ok else f"install Python {oldest}, then: make setup PYTHON=python{oldest}"
    return Check("Python", ok, detail, remedy)


def check_torch() -> Check:
    """Check that torch imports and computes."""
    import torch

    ones = torch.ones(8, 8)
    ok = torch.equal(ones @ ones, 8 * ones)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    detail = f"{torch.__version__}, {torch.get_num_threads()} threads, {device}"
    return Check("torch", ok, detail, "" if ok else _NEW_ENVIRONMENT)


def check_aihwkit() -> Check:
    """Check that an analog layer goes forward, backward and takes an update.

    In a process of its own, since a binary that was compiled for another torch may crash.
    """
    command = [sys.executable, "-m", "imc_grapes.doctor.analog_proof"]
    proof = subprocess.run(command, capture_output=True, text=True)
    if proof.returncode == 0:
        detail = f"{proof.stdout.strip()}: forward, backward and update of an analog layer"
        return Check("aihwkit", True, detail)
    said = proof.stderr.strip().splitlines()
    detail = said[-1] if said else f"the process ended with status {proof.returncode}"
    remedy = f"aihwkit has to be compiled against the installed torch; {_NEW_ENVIRONMENT}"
    return Check("aihwkit", False, detail, remedy)


def check_numba() -> Check:
    """Check that a parallel Numba kernel compiles and uses the cores there are."""
    import numba
    import numpy as np

    @numba.njit("float64(float64[::1])", parallel=True)
    def total(values: np.ndarray) -> float:
        result = 0.0
        for i in numba.prange(values.size):
            result += values[i]
        return result

    right = total(np.ones(1000)) == 1000.0
    threads, cores = numba.get_num_threads(), _usable_cores()
    detail = f"{numba.__version__}, {threads} of {cores} cores, {numba.threading_layer()} threads"
    remedy = "" if right else _NEW_ENVIRONMENT
    if right and threads < cores:
        remedy = f"slower than it could be: unset NUMBA_NUM_THREADS to use all {cores} cores"
    return Check("Numba", right, detail, remedy)


def check_data_sets() -> Check:
    """Check which data sets are there. One that is not is no failure: digits always is."""
    from imc_grapes.data.base import DATA
    from imc_grapes.data.locate import found_datasets

    chosen = os.environ.get("IMC_GRAPES_DATA")
    if chosen and not Path(chosen).is_dir():
        remedy = "set IMC_GRAPES_DATA to the folder that holds the data sets, or unset it"
        return Check("data sets", False, f"IMC_GRAPES_DATA={chosen} is not a folder", remedy)
    folders = found_datasets(None)
    there = [f"{name} ({folder})" for name, folder in folders.items() if folder is not None]
    absent = [name for name, folder in folders.items() if folder is None]
    remedy = f"for {', '.join(absent)}: point IMC_GRAPES_DATA at the folder with their files"
    embedded = [one.name for one in DATA if one.value.files is None]
    return Check("data sets", True, ", ".join([*embedded, *there]), remedy if absent else "")


def check_disk() -> Check:
    """Check that there is room for results in the current folder."""
    here = Path.cwd()
    free_gb = shutil.disk_usage(here).free / 1e9
    ok = free_gb >= FREE_SPACE_NEEDED_GB and os.access(here, os.W_OK)
    remedy = f"work in a folder that can be written and has {FREE_SPACE_NEEDED_GB:g} GB free"
    return Check("disk", ok, f"{free_gb:.1f} GB free in {here}", "" if ok else remedy)


def check_wheel_cache() -> Check:
    """Check the folder where set-up keeps the aihwkit it compiled."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    wheels = (base if base.is_absolute() else Path.home() / ".cache") / "imc-grapes" / "wheels"
    if not wheels.is_dir():
        return Check("wheel cache", True, f"{wheels} is empty", "")
    kept = list(wheels.glob("*/aihwkit-*.whl"))
    broken = [folder for folder in wheels.iterdir() if ".broken-" in folder.name]
    ok = os.access(wheels, os.W_OK)
    remedy = f"make {wheels} writable, or remove it" if not ok else ""
    if ok and broken:
        remedy = (
            f"wheels that did not work were put aside and can be removed: rm -r {wheels}/*.broken-*"
        )
    return Check("wheel cache", ok, f"{len(kept) - len(broken)} in {wheels}", remedy)


CHECKS: dict[str, Callable[[], Check]] = {
    "Python": check_python,
    "torch": check_torch,
    "aihwkit": check_aihwkit,
    "Numba": check_numba,
    "data sets": check_data_sets,
    "disk": check_disk,
    "wheel cache": check_wheel_cache,
}


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """Run one check; whatever it raises is what it found."""
    try:
        return check()
    except Exception as error:
        return Check(name, False, f"{type(error).__name__}: {error}", _NEW_ENVIRONMENT)
