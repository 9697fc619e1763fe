from pathlib import Path

import pytest
import stamp
from stamp import expected_stamp, is_stamped, remove_stamp, write_stamp


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "constraints.txt").write_text("torch==2.13.0\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


def test_a_stamp_is_found_again_until_it_is_removed(clone):
    mark = expected_stamp(clone, "3.11.7")
    assert not is_stamped(clone, mark)
    write_stamp(clone, mark)
    assert is_stamped(clone, mark)
    remove_stamp(clone)
    assert not is_stamped(clone, mark)
    remove_stamp(clone)


@pytest.mark.parametrize("file", ["pyproject.toml", "setup/constraints.txt"])
def test_a_changed_file_makes_the_stamp_old(clone, file):
    write_stamp(clone, expected_stamp(clone, "3.11.7"))
    Path(clone / file).write_text("changed")
    assert not is_stamped(clone, expected_stamp(clone, "3.11.7"))


def test_another_python_makes_the_stamp_old(clone):
    assert expected_stamp(clone, "3.11.7") != expected_stamp(clone, "3.12.1")


def test_another_set_up_makes_the_stamp_old(clone, monkeypatch):
    before = expected_stamp(clone, "3.11.7")
    monkeypatch.setattr(stamp, "SETUP_VERSION", "another")
    assert expected_stamp(clone, "3.11.7") != before


def test_text_that_moves_from_one_file_to_the_next_changes_the_stamp(clone):
    before = expected_stamp(clone, "3.11.7")
    (clone / "pyproject.toml").write_text("[project]\ntorch")
    (clone / "setup" / "constraints.txt").write_text("==2.13.0\n")
    assert expected_stamp(clone, "3.11.7") != before
