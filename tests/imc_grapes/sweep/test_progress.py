import io

import pytest
from rich.console import Console

from imc_grapes.store.records import TrialResult
from imc_grapes.summary import Summary
from imc_grapes.sweep import load_sweep
from imc_grapes.sweep.progress import ProgressView

CHORALES = "name: tiny\ndata: {name: jsb}\nnetwork: {kind: snu}\n"


@pytest.mark.parametrize(
    ("base", "metric", "scores", "best"),
    [
        (None, "accuracy", [0.8, 0.973, 0.9], "accuracy 97.30 %, SGD, 0.2, seed 0"),
        (CHORALES, "nll", [9.0, 8.705, 8.9], "NLL 8.705 nats, SGD, 0.2, seed 0"),
    ],
)
def test_the_best_so_far_is_that_of_the_metric(sweep_file, base, metric, scores, best):
    text = "grid: {training.optimizer.lr: [0.1, 0.2, 0.3]}\n"
    plan = load_sweep(sweep_file(text, base) if base else sweep_file(text))
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    view = ProgressView(console, total=3, done=0, failed=0)
    for trial, score in zip(plan.trials, scores, strict=True):
        view.started(trial, "here")
        summary = Summary.of({f"test_{metric}": 0.5, f"validation_{metric}": score})
        view.finished(trial, TrialResult("t0", "t1", 1.0, "here", {}, summary, [], {}))
    console.print(view._lines())
    assert f"best on validation so far: {best}" in console.file.getvalue()
