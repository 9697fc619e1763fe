"""A full, read-only or vanished folder, wherever a command meets it: one message."""

import errno
import os
import sqlite3

import pytest

from imc_grapes.cli import app


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/report.html"),
            "out/report.html: No s",
        ),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "out"), "out: Read-only file system"),
        (
            FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "out/x"),
            "out/x: No such file",
        ),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "a file: No space left on device"),
        (
            sqlite3.OperationalError("database or disk is full"),
            "disk is full; what is in it is kept",
        ),
        (sqlite3.OperationalError("attempt to write a readonly database"), "a readonly database"),
    ],
)
def test_it_is_one_message(monkeypatch, capsys, error, words):
    def fails(**_):
        raise error

    monkeypatch.setattr(app, "app", fails)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err


def test_an_error_of_ours_is_traced(monkeypatch):
    def fails(**_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(app, "app", fails)
    with pytest.raises(OSError, match="Bad file descriptor"):
        app.main()
