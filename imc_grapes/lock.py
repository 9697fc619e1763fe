"""One sweep or run at a time in a folder; the operating system lifts the lock when its holder dies, however it dies."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from kernels.errors import InputError

FILE_NAME = "sweep.lock"
RUN_FILE_NAME = ".run.lock"


@contextmanager
def exclusive(directory: Path, what: Literal["sweep", "run"] = "sweep") -> Iterator[None]:
    """Hold `directory` for this process.

    Args:
        directory: a folder that is there.
        what: goes on in it. The file of a run's lock is removed at the end, since a run's folder holds results alone.

    Raises:
        InputError: another process holds it; the message says which.
        OSError: no file can be written there.
    """
    path = directory / (FILE_NAME if what == "sweep" else RUN_FILE_NAME)
    with _locked(path, directory, what) as file:
        file.truncate(0)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {started}")
        file.flush()
        try:
            yield
        finally:
            if what == "run":
                path.unlink(missing_ok=True)


def _locked(path: Path, directory: Path, what: str) -> IO[str]:
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise InputError(
                f"{directory}: a {what} is already running here ({holder}); wait for it, or give another --out"
            ) from None
        # The holder before may have removed it in between.
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return file
        file.close()
