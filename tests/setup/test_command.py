import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import clean_environment, run_logged
from failure import SetupFailure
from progress import Progress

SETUP = Path(__file__).resolve().parents[2] / "setup"


def test_the_output_goes_into_the_log_only(tmp_path):
    log, out = tmp_path / "log", io.StringIO()
    command = [sys.executable, "-c", "import sys; print('one'); print('two', file=sys.stderr)"]
    run_logged(command, Progress("step", out), log)
    assert log.read_text().endswith("one\ntwo\n")
    assert out.getvalue() == ""


def test_a_failure_names_the_log_and_shows_the_end(tmp_path):
    log = tmp_path / "log"
    script = "for i in range(100): print('line', i)\nraise SystemExit(3)"
    with pytest.raises(SetupFailure, match="status 3") as caught:
        run_logged([sys.executable, "-c", script], Progress("step", io.StringIO()), log)
    message = str(caught.value)
    assert str(log) in message
    assert "line 99" in message
    assert "line 80\n" not in message
    assert "line 0\n" in log.read_text()
    assert caught.value.exit_status == 1


def test_the_first_errors_are_shown_rather_than_what_pip_says_at_the_end(tmp_path):
    script = (
        "print('/bin/sh: 1: stubgen: not found')\nprint('OSError: AF_UNIX path too long')\n"
        "for i in range(100): print('note: full command', i)\nraise SystemExit(1)"
    )
    command = [sys.executable, "-c", script]
    with pytest.raises(SetupFailure) as caught:
        run_logged(command, Progress("step", io.StringIO()), tmp_path / "log")
    assert "stubgen: not found\n  OSError: AF_UNIX path too long\n" in str(caught.value)
    assert "full command" not in str(caught.value)


def test_make_hands_its_job_server_to_nobody(monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "-j2 --jobserver-auth=3,4")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert not {"MAKEFLAGS", "PYTHONPATH"} & clean_environment().keys()


def test_ctrl_c_ends_the_children_too(tmp_path):
    pid_file = tmp_path / "pid"
    child = (
        f"import os, pathlib, time; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))"
    )
    script = (
        # A shell starts background jobs deaf to Ctrl-C, and the tests may run in one.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path.insert(0, {str(SETUP)!r})\n"
        "from pathlib import Path; from command import run_logged; from progress import Progress\n"
        f"run_logged(['sh', '-c', '{sys.executable} {tmp_path}/child.py & wait'],"
        f" Progress('step', sys.stdout), Path({str(tmp_path / 'log')!r}))"
    )
    (tmp_path / "child.py").write_text(child + "; time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.send_signal(signal.SIGINT)
    parent.wait(20)
    pid = int(pid_file.read_text())
    ended = False
    while not ended and time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            ended = True
        time.sleep(0.05)
    assert ended
