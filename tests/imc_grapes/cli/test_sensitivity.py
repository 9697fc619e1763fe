"""`imc-grapes sensitivity`: a run or a config, its table, its files."""

import csv
import json
import sys

import pytest

from imc_grapes.cli.app import main
from imc_grapes.training.loop import Interrupted

CONFIG = """\
name: small
data: {name: digits, train_samples: 200, test_samples: 60}
network: {kind: mlp, hidden: [8]}
training: {epochs: 1}
hardware: {tile: digital, statistics: {preset: pcm_nandakumar2019}}
evaluation: {repeats: 2, times_s: [86400]}
"""
IN_PLACE = "{tile: pcm, device: {model: nandakumar2018}}"


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Call ``imc-grapes sensitivity`` in a folder that holds `run.yaml`; gives status, output and messages."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(CONFIG)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["imc-grapes", "sensitivity", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as exit_:
            status = exit_.code or 0
        printed = capsys.readouterr()
        return status, printed.out, " ".join(printed.err.split())

    return call


def test_a_config_is_run_and_its_folder_serves_from_then_on(cli, tmp_path):
    status, out, messages = cli("run.yaml", "--repeats", "2")
    assert status == 0, messages
    assert "epoch 1: " in messages
    assert "global drift compensation" in out
    assert "programming" in out
    (run,) = (tmp_path / "runs").iterdir()
    assert {file.name for file in (run / "sensitivity").iterdir()} == {
        f"sensitivity.{ending}" for ending in ("csv", "json", "png", "svg", "pdf")
    }

    written = json.loads((run / "sensitivity" / "sensitivity.json").read_text())
    assert written["finding"].split()[0] in ("Work", "No", "Nothing")
    assert written["finding"] in " ".join(out.split())
    (point,) = [
        point
        for point in json.loads((run / "summary.json").read_text())["drift"]
        if point["compensation"] == "global"
    ]
    whole = next(
        row for row in written["rows"] if row["layer"] == "all" and row["nonideality"] == "all"
    )
    assert whole["score"] == pytest.approx(point["mean"])  # the run's own devices
    assert whole["loss"] == pytest.approx(written["without_devices"] - whole["score"])
    table = list(csv.DictReader((run / "sensitivity" / "sensitivity.csv").read_text().splitlines()))
    assert list(table[0]) == ["layer", "nonideality", "score", "loss", "std"]
    assert [float(row["loss"]) for row in table] == [row["loss"] for row in written["rows"]]

    status, _, messages = cli("run.yaml", "--repeats", "1")
    assert status == 0
    assert "epoch 1: " not in messages

    status, out, _ = cli(run, "--repeats", "2", "--json", "--out", "elsewhere", "--seed", "7")
    assert status == 0
    again = json.loads(out)
    assert again["seed"] == 7
    assert again["rows"] != written["rows"]
    assert (tmp_path / "elsewhere" / "sensitivity.png").exists()
    status, out, _ = cli(run, "--repeats", "2", "--json", "--out", "elsewhere", "--seed", "0")
    assert json.loads(out) == written

    status, _, messages = cli(run, "--set", "seed=1")
    assert (status, "--set: " in messages) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--set", "hardware={tile: digital}", "--set", "evaluation={}"],
            "hardware.statistics: digital weights lie on no devices",
        ),
        (
            ["--set", f"hardware={IN_PLACE}", "--compensation", "column"],
            "evaluation.drift_compensation",
        ),
        (
            ["--set", "hardware={tile: aihwkit, preset: PCMPreset}", "--set", "evaluation={}"],
            "no drift model",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_before_the_training(cli, tmp_path, arguments, message):
    status, _, messages = cli("run.yaml", *arguments)
    assert status == 2
    assert message in messages
    assert not (tmp_path / "runs").exists()


def test_a_folder_without_a_run_is_refused(cli, tmp_path):
    status, _, messages = cli(tmp_path)
    assert status == 2
    assert "holds no finished run" in messages


def test_stopped_by_the_user_it_ends_with_130(cli, tmp_path, monkeypatch):
    def stopped(*_arguments, **_options):
        raise Interrupted

    monkeypatch.setattr("imc_grapes.experiment.restore.restore", stopped)
    status, _, messages = cli(tmp_path)
    assert status == 130
    assert messages.startswith("Stopped")
