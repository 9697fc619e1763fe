"""One set-up at a time: a lock that the system drops when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(file: Path, busy_message: str) -> Iterator[None]:
    """Hold the lock of `file`, which must exist; while another holds it, say so and wait."""
    with file.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"  {busy_message}", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
