"""A sweep over a network of a user's own: on two workers, killed, resumed, and refused after its file has changed."""

import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from imc_grapes.store import load_results

pytestmark = pytest.mark.timeout(900)

PLUGIN = Path(__file__).parent.parent / "plugins" / "tiny_net.py"
BASE = """\
name: tiny
data: {name: digits, batch_size: 32, train_samples: 200, test_samples: 50}
network: {kind: tiny_net}
training: {epochs: 3, optimizer: {lr: 0.1}}
"""
CODE = "from imc_grapes.cli.app import main; main()"


def done(out):
    file = out / "results.sqlite"
    if not file.exists():
        return 0
    with sqlite3.connect(file) as connection:
        try:
            rows = connection.execute("SELECT count(*) FROM trials WHERE status = 'done'")
            return rows.fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_a_sweep_with_a_plugin(sweep_file, start, imc_grapes, tmp_path):
    plugin, out = tmp_path / "nets.py", tmp_path / "out"
    shutil.copy(PLUGIN, plugin)
    sweep = sweep_file("grid: {network.width: [2, 3]}\nseeds: 4\n", base=BASE)
    command = ("--plugin", plugin, "sweep", sweep, "--out", out, "--workers", "2")

    killed = start("-c", CODE, *command)
    end = time.monotonic() + 300
    while done(out) < 1 and killed.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = done(out)
    assert before >= 1

    ran = imc_grapes(*command)
    assert ran.status == 0, ran.words
    frame = load_results(out)
    assert frame["status"].tolist() == ["done"] * 8
    assert "tiny_net" in (out / "report.html").read_text()

    plugin.write_text(plugin.read_text().replace("nn.ReLU()", "nn.Tanh()"))
    refused = imc_grapes(*command)
    assert refused.status == 2
    assert (
        "holds results of other files: network.kind 'tiny_net' (nets.py): content" in refused.words
    )
    assert done(out) == 8

    without = imc_grapes("sweep", sweep, "--out", out)
    assert without.status == 2
    assert "network.kind: 'tiny_net' is not one of" in without.words

    listed = imc_grapes("--plugin", plugin, "sweep", sweep, "--out", tmp_path / "new", "--dry-run")
    assert listed.status == 0, listed.words
    assert "8 trials to run" in listed.words
