import dataclasses
import os
import shutil
import socket
import tempfile
import zipfile
from pathlib import Path

import aihwkit_wheel
import pytest
from aihwkit_wheel import (
    cached_wheel,
    ensure_aihwkit,
    may_be_cached,
    short_temporary_folder,
    wheel_cache,
    wheel_key,
)
from failure import SetupFailure
from interpreter import running

ROOT = Path(__file__).resolve().parents[2]
PYTHON = running()
TORCH = "2.13.0+cpu"
BINARY_DOES_NOT_FIT = "RuntimeError: the update gave something else"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "imc-grapes" / "wheels"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "setup.log"


def make_wheel(folder, content="the compiled part"):
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "aihwkit-1.2.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("aihwkit/rpu_base.so", content)
    return wheel


class FakeMachine:
    """Stands for pip, the compiler and the proof; an environment is what was installed last."""

    def __init__(self, monkeypatch):
        self.installed = None
        self.builds = 0
        self.build_gives = "good"
        monkeypatch.setattr(aihwkit_wheel, "run_logged", self.run)
        monkeypatch.setattr(aihwkit_wheel, "proof_of", self.proof)
        monkeypatch.setattr(aihwkit_wheel, "_torch_version", lambda python: TORCH)
        monkeypatch.setattr(aihwkit_wheel, "provide", lambda *_: None)

    def run(self, command, progress, log, *, environment=None):
        if "wheel" in command[3:4]:
            self.builds += 1
            assert "--no-cache-dir" in command
            self.workspace = Path(environment["TMPDIR"])
            assert environment["PATH"].split(os.pathsep)[0] == str(Path(PYTHON.executable).parent)
            make_wheel(Path(command[command.index("--wheel-dir") + 1]), self.build_gives)
        elif command[-1].endswith(".whl"):
            with zipfile.ZipFile(command[-1]) as archive:
                self.installed = archive.read("aihwkit/rpu_base.so").decode()

    def proof(self, python, root):
        return None if self.installed == "good" else BINARY_DOES_NOT_FIT


@pytest.fixture
def machine(monkeypatch):
    return FakeMachine(monkeypatch)


def test_the_key_holds_what_a_binary_depends_on():
    key = wheel_key(TORCH, PYTHON)
    for part in ("aihwkit-1.2.0", "torch-2.13.0+cpu", PYTHON.abi, PYTHON.platform):
        assert part in key
    others = {
        wheel_key("2.13.0+cu130", PYTHON),
        wheel_key("2.13.0", PYTHON),
        wheel_key(TORCH, dataclasses.replace(PYTHON, abi="cpython-313-x86_64-linux-gnu")),
        wheel_key(TORCH, dataclasses.replace(PYTHON, platform="linux-riscv64")),
    }
    assert len(others | {key}) == 5


def test_the_cache_is_below_home_without_an_absolute_xdg_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert wheel_cache() == Path("/home/someone/.cache/imc-grapes/wheels")


def test_a_kept_wheel_is_seen_before_torch_is_there(cache):
    assert not may_be_cached(PYTHON)
    make_wheel(cache / wheel_key(TORCH, PYTHON))
    assert may_be_cached(PYTHON)
    assert not may_be_cached(dataclasses.replace(PYTHON, abi="cpython-313-x86_64-linux-gnu"))


def test_a_whole_wheel_is_used_as_it_is(cache):
    wheel = make_wheel(cache / "key")
    assert cached_wheel(cache / "key") == wheel


@pytest.mark.parametrize("damage", ["truncated", "changed byte", "empty", "text"])
def test_a_damaged_wheel_is_put_aside(cache, damage, capsys):
    wheel = make_wheel(cache / "key")
    whole = wheel.read_bytes()
    at = whole.index(b"compiled")
    damaged = {
        "truncated": whole[: len(whole) // 2],
        "changed byte": whole[:at] + b"X" + whole[at + 1 :],
        "empty": b"",
        "text": b"not found",
    }
    wheel.write_bytes(damaged[damage])
    assert cached_wheel(cache / "key") is None
    assert not (cache / "key").exists()
    (aside,) = cache.glob("key.broken-*")
    assert str(aside) in capsys.readouterr().out


def test_the_first_set_up_builds_and_keeps_the_wheel(cache, machine, log):
    ensure_aihwkit(PYTHON, ROOT, log)
    folder = cache / wheel_key(TORCH, PYTHON)
    assert machine.builds == 1
    assert [path.suffix for path in folder.iterdir()] == [".whl"]
    assert not list(cache.glob("*.building"))
    assert not machine.workspace.exists()


def test_a_socket_fits_into_the_temporary_folder_of_the_build(tmp_path, monkeypatch):
    """The build's last step, stubgen, opens one there."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = short_temporary_folder()
    try:
        (folder / "pymp-12345678").mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "pymp-12345678" / "listener-12345678"))
    finally:
        shutil.rmtree(folder)


def test_the_second_set_up_takes_the_kept_wheel(machine, log):
    ensure_aihwkit(PYTHON, ROOT, log)
    machine.installed = None
    ensure_aihwkit(PYTHON, ROOT, log)
    assert machine.installed == "good"
    assert machine.builds == 1


def test_an_aihwkit_that_works_is_left_alone(cache, machine, log):
    machine.installed = "good"
    ensure_aihwkit(PYTHON, ROOT, log)
    assert machine.builds == 0
    assert not cache.exists()


def test_a_kept_wheel_that_fails_the_proof_is_put_aside_and_built_anew(cache, machine, log):
    folder = cache / wheel_key(TORCH, PYTHON)
    make_wheel(folder, "for another torch")
    ensure_aihwkit(PYTHON, ROOT, log)
    assert machine.builds == 1
    assert machine.installed == "good"
    assert len(list(cache.glob("*.broken-*/*.whl"))) == 1
    assert len(list(folder.glob("*.whl"))) == 1
    assert BINARY_DOES_NOT_FIT in log.read_text()


def test_a_build_that_fails_the_proof_is_not_kept(cache, machine, log):
    machine.build_gives = "nonsense"
    with pytest.raises(SetupFailure, match=BINARY_DOES_NOT_FIT) as caught:
        ensure_aihwkit(PYTHON, ROOT, log)
    assert str(log) in str(caught.value)
    assert not list(cache.glob("**/*.whl"))


def test_what_an_interrupted_build_left_does_not_disturb_the_next(cache, machine, log):
    left = cache / (wheel_key(TORCH, PYTHON) + ".building")
    make_wheel(left, "half")
    ensure_aihwkit(PYTHON, ROOT, log)
    assert machine.installed == "good"
    assert not left.exists()
