"""Run one long command: its output into the log, its progress onto the screen."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from failure import SetupFailure
from progress import Progress

_TICK_S = 0.2
_GRACE_S = 5.0
_SHOWN_LINES = 8
_ERROR = re.compile(r"\b(\w*[Ee]rror|ERROR): |: not found$")


def run_logged(
    command: Sequence[str],
    progress: Progress,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> None:
    """Run `command`, appending what it prints to `log`.

    Raises `SetupFailure`, naming the log and showing its end, if the command fails. A Ctrl-C ends
    the command with all its children before it goes on upwards.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with log.open("a") as log_file:
        log_file.write(f"$ {' '.join(command)}\n")
        log_file.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=clean_environment() | dict(environment or {}),
            cwd=directory,
            start_new_session=True,
        )
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        try:
            said = _follow(lines, progress, log_file.write)
            status = process.wait()
        except BaseException:
            progress.abandon()
            _end(process)
            raise
    if status != 0:
        progress.abandon()
        raise SetupFailure(
            f"{_name(command)} failed with status {status}. What it said about it:\n\n"
            + "".join(f"  {line.strip()}\n" for line in said)
            + f"\nAll of its output is in {log}"
        )


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what `make` and other Pythons left in it.

    ninja and the compiler's link step would take part in the job server that MAKEFLAGS names.
    """
    dropped = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"PYTHONUNBUFFERED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def _follow(
    lines: queue.SimpleQueue[str | None], progress: Progress, write: Callable[[str], object]
) -> list[str]:
    """Pass the lines on until the output ends; return the first errors in it, else its end."""
    errors: list[str] = []
    tail: list[str] = []
    while True:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=_TICK_S)
            if line is None:
                return errors or tail
            write(line)
            progress.read(line)
            # The end of a long output is what pip and cmake say about the failure of another; the
            # reason stands where the first errors are.
            if _ERROR.search(line) and len(errors) < _SHOWN_LINES:
                errors.append(line)
            tail = [*tail[1 - _SHOWN_LINES :], line]
        progress.tick()


def _end(process: subprocess.Popen[str]) -> None:
    """End the command's whole process group: politely, so that pip cleans up, then for certain."""
    for kind in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


def _name(command: Sequence[str]) -> str:
    """Return what the user knows the command as: `pip install`, `apt-get install`."""
    words = list(command)
    if words[1:3] == ["-m", "pip"]:
        return " ".join(words[2:4])
    return " ".join([Path(words[0]).name, *words[1:2]])
