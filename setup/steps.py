"""The steps of the set-up, in their order. Each can be repeated, so a Ctrl-C loses little."""

from __future__ import annotations

import io
import shutil
import sys
import time
from pathlib import Path

from aihwkit_wheel import ensure_aihwkit, may_be_cached
from command import run_logged
from failure import SetupFailure
from interpreter import Interpreter, in_environment, running
from lock import locked
from progress import Progress, duration
from stamp import expected_stamp, is_stamped, remove_stamp, write_stamp
from system_packages import build_requirements, environment_requirement, provide


def run(root: Path, *, this_python: bool) -> int:
    """Set up the clone at `root`, and return the exit status.

    With `this_python`, the environment is made anew if it was made with another Python than the
    one that runs this; otherwise an environment that works keeps the Python it has.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # into a pipe, too, lines come as they happen
    try:
        set_up(root, this_python=this_python)
    except SetupFailure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return failure.exit_status
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def set_up(root: Path, *, this_python: bool) -> None:
    """Bring `.venv` up to date; return at once if it is. Raises `SetupFailure`."""
    venv = root / ".venv"
    usable = in_environment(venv)
    if usable is not None and this_python and usable.version != running().version:
        usable = None
    if usable is not None and is_stamped(venv, expected_stamp(root, usable.version)):
        print("Set-up: .venv is up to date")
        return
    with locked(root / "pyproject.toml", "Another set-up runs in this clone: waiting for it"):
        _bring_up_to_date(root, venv, usable)


def _bring_up_to_date(root: Path, venv: Path, usable: Interpreter | None) -> None:
    start = time.monotonic()
    log = root / "build" / "setup.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("")
    python = usable or running()
    print(f"Setting up {venv} with Python {python.version} (log: {log.relative_to(root)})")

    needed = [] if usable else [environment_requirement(python)]
    if not may_be_cached(python):
        needed += build_requirements(python)
    provide(needed, python, log)

    remove_stamp(venv)
    if usable is None:
        usable = _make_environment(venv, python, log)
    _install_project(root, usable, log)
    ensure_aihwkit(usable, root, log)
    write_stamp(venv, expected_stamp(root, usable.version))
    print(f"Ready after {duration(time.monotonic() - start)}")


def _make_environment(venv: Path, python: Interpreter, log: Path) -> Interpreter:
    progress = Progress("virtual environment", sys.stdout)
    shutil.rmtree(venv, ignore_errors=True)
    run_logged([python.executable, "-m", "venv", str(venv)], progress, log)
    made = in_environment(venv)
    if made is None:
        raise SetupFailure(f"{python.executable} made an environment in {venv} that does not work")
    progress.finish()
    return made


def _install_project(root: Path, python: Interpreter, log: Path) -> None:
    progress = Progress("torch, the project and what it needs", sys.stdout)
    constraints = ["-c", str(root / "setup" / "constraints.txt")]
    install = ["install", "--progress-bar", "off", *constraints, "-e", f"{root}[dev]"]
    run_logged([python.executable, "-m", "pip", *install], progress, log)
    progress.finish()
