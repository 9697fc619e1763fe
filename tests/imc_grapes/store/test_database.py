import sqlite3

import pytest

from imc_grapes.store import StoreWriter, read_sweep
from kernels.errors import InputError


@pytest.fixture
def filled(tmp_path, plan, result):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan("{training.optimizer.lr: {linspace: [0.1, 0.9, 40]}}"))
        for trial in store.pending():
            store.finished(trial, result())
    return tmp_path


@pytest.mark.parametrize("share", [0.5, 0.9, 0.01])
def test_a_file_cut_short_is_kept_aside_with_one_message(filled, plan, share):
    path = filled / "results.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"is damaged .*sets it aside"):
        read_sweep(filled)
    with pytest.raises(InputError, match=r"is damaged .*kept as results.sqlite.damaged-"):
        StoreWriter(filled)
    kept = next(filled.glob("results.sqlite.damaged-*"))
    assert kept.read_bytes() == whole[: int(share * len(whole))]
    with StoreWriter(filled) as store:
        store.adopt(plan())
        assert len(store.pending()) == 4


def test_a_file_that_is_something_else_is_kept_aside(tmp_path):
    (tmp_path / "results.sqlite").write_text("once upon a time" * 100)
    with pytest.raises(InputError, match="is damaged"):
        StoreWriter(tmp_path)


def test_an_empty_file_is_filled(tmp_path, plan):
    (tmp_path / "results.sqlite").touch()
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        assert store.counts() == {"pending": 4}


def test_another_format_is_refused_and_left_alone(filled, tmp_path):
    with sqlite3.connect(filled / "results.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    for opened in (read_sweep, StoreWriter):
        with pytest.raises(InputError, match="results format 99"):
            opened(tmp_path)
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_file_from_before_margins_is_read_and_goes_on(filled, plan):
    with sqlite3.connect(filled / "results.sqlite") as connection:
        connection.execute("ALTER TABLE sweep DROP COLUMN margin")
        connection.execute("PRAGMA user_version = 1")
    before = read_sweep(filled)
    assert before.margin is None
    assert len(before.with_status("done")) == 80
    with StoreWriter(filled) as store:
        store.adopt(plan("{training.optimizer.lr: {linspace: [0.1, 0.9, 40]}}"))
        assert store.counts() == {"done": 80}
    with sqlite3.connect(filled / "results.sqlite") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert read_sweep(filled).trials == before.trials


def test_a_locked_file_is_not_taken_for_a_damaged_one(filled, monkeypatch):
    monkeypatch.setattr("imc_grapes.store.database._WAIT_FOR_LOCK_S", 0.1)
    other = sqlite3.connect(filled / "results.sqlite", isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="cannot be opened: database is locked"):
        StoreWriter(filled)
    other.close()
    assert len(read_sweep(filled).trials) == 80


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(InputError, match=r"holds no results.sqlite; give the --out directory"):
        read_sweep(tmp_path)
