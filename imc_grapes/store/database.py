"""Open a results file, and tell a damaged one from a good one."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from imc_grapes.store.tables import (
    BEFORE_MARGINS,
    CREATE,
    CREATE_FILES,
    FILE_NAME,
    FORMAT,
    TO_PRESENT,
)
from kernels.errors import InputError

_WAIT_FOR_LOCK_S = 30.0
_SIDE_FILES = ("", "-wal", "-shm")


def open_for_writing(directory: Path) -> sqlite3.Connection:
    """The results file of `directory`, made if it is not there.

    Raises:
        InputError: the file is damaged, which is then kept under another name, or of another format.
    """
    path = directory / FILE_NAME
    connection = _connect(path, "rwc")
    try:
        _refuse_damage(connection)
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {CREATE} PRAGMA user_version = {FORMAT}; COMMIT;")
        _refuse_other_formats(connection, path)
        if _format_of(connection) == BEFORE_MARGINS:
            connection.executescript(TO_PRESENT)
        connection.executescript(CREATE_FILES)
    except sqlite3.OperationalError as error:
        connection.close()
        raise InputError(f"{path}: cannot be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        connection.close()
        kept = _set_aside(path)
        raise InputError(
            f"{path}: is damaged ({error}); it is kept as {kept.name}. "
            "The same command, given again, starts the sweep from nothing"
        ) from None
    return connection


def open_for_reading(directory: Path) -> sqlite3.Connection:
    """The results file of `directory`, which another process may be writing.

    Raises:
        InputError: there is none, or it is damaged or of another format.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        raise InputError(f"{directory}: holds no {FILE_NAME}; give the --out directory of a sweep")
    connection = _connect(path, "ro")
    try:
        _refuse_damage(connection)
        _refuse_other_formats(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        raise InputError(f"{path}: cannot be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        connection.close()
        raise InputError(
            f"{path}: is damaged ({error}); `imc-grapes sweep` sets it aside and starts anew"
        ) from None
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_FOR_LOCK_S, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise InputError(f"{path}: cannot be opened: {error}") from None
    connection.row_factory = sqlite3.Row
    return connection


def _refuse_damage(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict.splitlines()[-1])


def _refuse_other_formats(connection: sqlite3.Connection, path: Path) -> None:
    format_here = _format_of(connection)
    if format_here not in (BEFORE_MARGINS, FORMAT):
        connection.close()
        raise InputError(
            f"{path}: has the results format {format_here}; this version reads {BEFORE_MARGINS} and {FORMAT}"
        )


def _format_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _set_aside(path: Path) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    kept = path.with_name(f"{path.name}.damaged-{moment}")
    for side in _SIDE_FILES:
        part = path.with_name(path.name + side)
        if part.exists():
            part.rename(kept.with_name(kept.name + side))
    return kept
