"""Names and paths with square brackets, which rich would take for markup, are printed as they are."""

import io
import sys

import pytest
from rich.console import Console

from imc_grapes.cli.app import main
from imc_grapes.cli.progress import ProgressListener
from imc_grapes.cli.results import _print
from imc_grapes.cli.summary_table import print_outcome
from imc_grapes.experiment import Outcome
from imc_grapes.store.reader import StoredSweep
from imc_grapes.store.records import TrialResult
from imc_grapes.summary import Summary
from imc_grapes.sweep import load_sweep
from imc_grapes.sweep.dry_run import print_dry_run
from imc_grapes.sweep.progress import ProgressView

NAMES = ["SGD [fast]", "SGD [/slow]", "[red]:x:[/red]"]


@pytest.fixture
def screen():
    """A terminal as rich makes one by default, with its markup."""
    return Console(file=io.StringIO(), width=250, force_terminal=True, color_system=None)


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "name: tiny\ndata: {train_samples: 60, test_samples: 30}\nnetwork: {kind: mlp, hidden: [4]}\n"
        "training: {epochs: 1}\n"
    )
    cases = "".join(
        f"  '{name}': {{training.optimizer.lr: {0.1 * (i + 1):g}}}\n"
        for i, name in enumerate(NAMES)
    )
    path = tmp_path / "[bold]sweep.yaml"
    path.write_text(f"base: base.yaml\ncases:\n{cases}seeds: 1\n")
    return load_sweep(path)


def test_of_a_dry_run(plan, tmp_path, screen):
    print_dry_run(plan, tmp_path / "none", 1, None, screen)
    text = screen.file.getvalue()
    assert "3 trials of [bold]sweep" in text
    assert f"to see how long it takes: {NAMES[0]}" in text
    for name in NAMES:
        assert name in text
    assert "3 trials to run" in text


def test_of_a_sweep_that_runs(plan, screen):
    view = ProgressView(screen, total=3, done=0, failed=0)
    for trial in plan.trials[:2]:
        view.started(trial, "here")
        view.finished(trial, TrialResult("t0", "t1", 1.0, "here", {}, error="no [/x]\n"))
    scores = {"test_accuracy": 0.9, "validation_accuracy": 0.9}
    view.finished(
        plan.trials[2],
        TrialResult("t0", "t1", 1.0, "here", {}, Summary.of(scores), [], {}),
    )
    screen.print(view._lines())
    text = screen.file.getvalue()
    for name in NAMES:
        assert name in text
    assert "no [/x]" in text


def test_of_results(monkeypatch, screen):
    trials = [
        {
            "hash": "a1", "method": name, "setting": "[/]", "tuned": None, "seed": 0, "status": "failed",
            "seconds": None, "config": {"data": {"name": "digits"}}, "summary": None, "error": "[/why]\n",
        }
        for name in NAMES
    ]  # fmt: skip
    monkeypatch.setattr("imc_grapes.cli.results.output", screen)
    base = {"data": {"name": "digits"}}
    _print(StoredSweep("x", None, "", base, [], None, "[/]", margin=None, trials=trials), 3)
    text = screen.file.getvalue()
    for name in [*NAMES, "[/]", "[/why]"]:
        assert name in text


def test_of_a_run(tmp_path, screen):
    summary = {
        "name": "[/x]", "metric": "accuracy", "test_accuracy": 0.9, "optimizer_state_bytes": 0, "drift": [],
    }  # fmt: skip
    folder = tmp_path / "[red]runs"
    with ProgressListener(screen, None) as listener:
        listener.stage("[/stage]", 3)
    print_outcome(Outcome(Summary.of(summary), [], {}), folder, screen)
    text = screen.file.getvalue()
    for name in ("[/stage]", "[/x]: test", f"Everything is in {folder}"):
        assert name in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "[/x].yaml"),
        ("run", "a.yaml", "--set", "[/x]"),
        ("run", "a.yaml", "--data-dir", "[/x]"),
        ("sweep", "[/x].yaml", "--dry-run"),
        ("results", "[/x]"),
        ("report", "[/x]"),
        ("pictures", "[/x]"),
        ("footprint", "[/x].yaml"),
        ("presets", "[/x]"),
        ("[/x]",),
        ("run", "a.yaml", "--[/x]"),
    ],
)
def test_of_bad_input(arguments, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("name: '[/x]'\n")
    monkeypatch.setattr(sys, "argv", ["imc-grapes", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "[/x]" in capsys.readouterr().err
