import subprocess
import sys
from pathlib import Path

import numba
import pytest
import torch

from imc_grapes.doctor import checks


def test_this_installation_passes_every_check(monkeypatch):
    monkeypatch.delenv("IMC_GRAPES_DATA", raising=False)
    found = checks.run_checks()
    assert [check.name for check in found] == list(checks.CHECKS)
    assert [check for check in found if not check.ok] == []


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    check = checks.check_python()
    assert not check.ok
    assert "make setup PYTHON=python3.11" in check.remedy


def test_a_torch_that_computes_wrongly_fails(monkeypatch):
    monkeypatch.setattr(torch, "equal", lambda a, b: False)
    check = checks.check_torch()
    assert not check.ok
    assert "make setup" in check.remedy


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("raise SystemExit('AttributeError: no such symbol')", "AttributeError: no such symbol"),
        ("import os; os.kill(os.getpid(), 11)", "status -11"),
    ],
)
def test_an_aihwkit_that_fails_or_crashes_fails(monkeypatch, program, detail):
    real = subprocess.run

    def run(command, **options):
        assert command[1:] == ["-m", "imc_grapes.doctor.analog_proof"]
        return real([sys.executable, "-c", program], **options)

    monkeypatch.setattr(subprocess, "run", run)
    check = checks.check_aihwkit()
    assert not check.ok
    assert detail in check.detail
    assert "compiled against the installed torch" in check.remedy


def test_idle_cores_are_no_failure_but_are_told(monkeypatch):
    monkeypatch.setattr(checks, "_usable_cores", lambda: numba.get_num_threads() + 3)
    check = checks.check_numba()
    assert check.ok
    assert "NUMBA_NUM_THREADS" in check.remedy


def test_a_check_that_raises_is_a_failure(monkeypatch):
    def broken():
        raise ImportError("libsomething.so.1: cannot open shared object file")

    monkeypatch.setattr(checks, "CHECKS", {"torch": broken})
    (check,) = checks.run_checks()
    assert (check.name, check.ok) == ("torch", False)
    assert "ImportError: libsomething.so.1" in check.detail
    assert "make setup" in check.remedy


def test_data_sets_that_are_there_and_that_are_not(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{part}-ubyte").touch()
    monkeypatch.setenv("IMC_GRAPES_DATA", str(tmp_path))
    check = checks.check_data_sets()
    assert check.ok
    assert check.detail == f"digits, mnist ({raw})"
    assert "fashion_mnist" in check.remedy
    assert "mnist," not in check.remedy.replace("fashion_mnist", "")


def test_a_data_folder_that_is_none_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("IMC_GRAPES_DATA", str(tmp_path / "gone"))
    check = checks.check_data_sets()
    assert not check.ok
    assert str(tmp_path / "gone") in check.detail


def test_a_full_disk_fails(monkeypatch):
    monkeypatch.setattr(checks, "FREE_SPACE_NEEDED_GB", 1e9)
    assert not checks.check_disk().ok


def test_the_wheel_cache_tells_what_was_put_aside(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "empty" in checks.check_wheel_cache().detail
    wheels = Path(tmp_path) / "imc-grapes" / "wheels"
    for key in ("key", "key.broken-1"):
        (wheels / key).mkdir(parents=True)
        (wheels / key / "aihwkit-1.2.0-cp311.whl").touch()
    check = checks.check_wheel_cache()
    assert check.ok
    assert check.detail == f"1 in {wheels}"
    assert "broken" in check.remedy
