"""The mark of a finished set-up: a hash of everything that decides what it installs."""

from __future__ import annotations

import hashlib
from pathlib import Path

SETUP_VERSION = "1"
"""Raised when set-up itself changes in a way that finished environments have to catch up with."""


def expected_stamp(root: Path, python_version: str) -> str:
    """Return the stamp that an up-to-date environment of this clone carries."""
    digest = hashlib.sha256()
    for part in (
        SETUP_VERSION.encode(),
        python_version.encode(),
        (root / "pyproject.toml").read_bytes(),
        (root / "setup" / "constraints.txt").read_bytes(),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def is_stamped(venv: Path, stamp: str) -> bool:
    """Tell whether set-up finished in `venv` with exactly this stamp."""
    try:
        return _file(venv).read_text() == stamp
    except OSError:
        return False


def write_stamp(venv: Path, stamp: str) -> None:
    """Mark `venv` as finished."""
    _file(venv).write_text(stamp)


def remove_stamp(venv: Path) -> None:
    """Take the mark away before anything in `venv` is changed."""
    _file(venv).unlink(missing_ok=True)


def _file(venv: Path) -> Path:
    return venv / "imc-grapes.stamp"
