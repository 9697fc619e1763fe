"""Write a file so that a kill at any moment leaves the old content or the new, never half of one."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kernels.errors import InputError


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `path`, make sure it is on the disk, then put it in the place of `path`.

    Raises:
        InputError: the disk is full, or the folder is gone or cannot be written to; `path` is what it was.
    """
    beside = path.with_name(f".{path.name}.partial")
    try:
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise InputError(
            f"{path}: cannot be written: {error.strerror or error}; what the folder held before is kept, and a run "
            "goes on from its last checkpoint with --resume"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""

    def write(beside: Path) -> None:
        beside.write_text(text, encoding="utf-8")

    write_atomically(path, write)
