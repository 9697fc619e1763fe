"""One sweep at a time in a directory; the operating system lifts the lock when its holder dies, however it dies."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kernels.errors import InputError

FILE_NAME = "sweep.lock"


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold `directory` for this process.

    Raises:
        InputError: another process holds it; the message says which.
    """
    with (directory / FILE_NAME).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise InputError(
                f"{directory}: a sweep is already running here ({holder}); wait for it, or give another --out"
            ) from None
        file.truncate(0)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {started}")
        file.flush()
        yield
