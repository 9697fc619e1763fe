"""`imc-grapes run` in a process of its own: killed, interrupted, resumed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = """\
name: long
data: {name: digits, batch_size: 4, train_samples: 500, test_samples: 40}
network: {kind: mlp, hidden: [8, 8], dropout: 0.1}
training: {epochs: 40, optimizer: {name: momentum, lr: 0.01}, grapes: {mode: propagating}}
"""
COMMAND = [sys.executable, "-c", "from imc_grapes.cli.app import main; main()"]
PATIENCE_S = 120.0


def start(folder, *arguments):
    return subprocess.Popen(
        [*COMMAND, "run", "run.yaml", "--out", "out", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def epochs_done(folder):
    metrics = folder / "out" / "metrics.jsonl"
    return len(metrics.read_text().splitlines()) if metrics.exists() else 0


def wait_for_epochs(process, folder, epochs):
    deadline = time.monotonic() + PATIENCE_S
    while epochs_done(folder) < epochs:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    (folder / "run.yaml").write_text(CONFIG)
    process = start(folder)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return folder / "out"


def finish(folder, left_alone):
    process = start(folder, "--resume")
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert "test accuracy" in output
    for name in ("summary.json", "metrics.jsonl", "config.yaml"):
        assert (folder / "out" / name).read_bytes() == (left_alone / name).read_bytes(), name


def test_a_run_that_was_killed_and_resumed_ends_like_one_left_alone(tmp_path, left_alone):
    (tmp_path / "run.yaml").write_text(CONFIG)
    process = start(tmp_path)
    wait_for_epochs(process, tmp_path, 3)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "summary.json").exists()
    assert epochs_done(tmp_path) < 40
    finish(tmp_path, left_alone)


def test_ctrl_c_saves_a_checkpoint_in_the_middle_of_an_epoch(tmp_path, left_alone):
    (tmp_path / "run.yaml").write_text(CONFIG)
    process = start(tmp_path)
    wait_for_epochs(process, tmp_path, 3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "--resume goes on" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out" / "summary.json").exists()
    finish(tmp_path, left_alone)


def test_an_installed_command_refuses_bad_input_with_status_2(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: x\nsede: 1\n")
    script = Path(sys.executable).with_name("imc-grapes")
    done = subprocess.run([script, "run", "bad.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: bad.yaml:2: sede: unknown key; did you mean seed? `imc-grapes schema` lists the keys that exist\n"
    )


def test_the_summary_holds_no_duration_and_no_date(left_alone):
    keys = json.loads((left_alone / "summary.json").read_text()).keys()
    assert not [key for key in keys if "second" in key or "date" in key or "started" in key]
    assert {"started", "training_seconds"} <= json.loads(
        (left_alone / "measurements.json").read_text()
    ).keys()
