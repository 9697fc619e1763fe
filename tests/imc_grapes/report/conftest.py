from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imc_grapes.store import StoreWriter
from imc_grapes.store.plan import Trial
from imc_grapes.store.records import TrialResult
from imc_grapes.summary import Summary
from imc_grapes.sweep import load_sweep

BASE = "name: tiny\ntraining: {epochs: 3}\nhardware: {tile: digital, statistics: {preset: pcm_nandakumar2019}}\n"
STATE_BYTES = {"Adam": 80_000, "momentum": 40_000}
METHODS = """\
cases:
  SGD: {}
  GRAPES: {training.grapes.mode: propagating}
  momentum: {training.optimizer.name: momentum}
  Adam: {training.optimizer.name: adam}
"""


@pytest.fixture
def four_methods() -> str:
    """The cases of a sweep file."""
    return METHODS


def made_up(
    trial: Trial,
    score: float,
    *,
    learning: dict[str, float | None] | None = None,
    times_s: tuple[float, ...] = (25.0, 86400.0, 31536000.0),
) -> TrialResult:
    """A result in which compensation wins two hundredths, and every step in time costs one."""
    metric = trial.config.data.metric.name
    drift = [
        {
            "time_s": time_s,
            "compensation": compensation,
            "mean": score - 0.01 * step - (0.02 if compensation == "none" else 0.0),
            "std": 0.005,
        }
        for step, time_s in enumerate(times_s)
        for compensation in reversed(trial.config.evaluation.drift_compensation)
    ]
    epochs = [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            f"validation_{metric}": score * (1 - 0.3 / epoch),
        }
        for epoch in (1, 2, 3)
    ]
    summary = {
        f"test_{metric}": score,
        f"validation_{metric}": score,
        "optimizer_state_bytes": STATE_BYTES.get(trial.method, 0),
        "drift": drift,
    }
    summary |= learning or {}
    return TrialResult(
        "t0",
        "t1",
        1.5,
        "here",
        {"python": "3.11", "torch": "2.13"},
        Summary.of(summary),
        epochs,
        {},
    )


@pytest.fixture
def filled(tmp_path: Path) -> Callable[..., Path]:
    """A store of the sweep with that text, filled by `outcome`, which returns a score or raises for a failure."""

    def fill(
        text: str, outcome: Callable[[Trial], float], base: str | None = None, **options: Any
    ) -> Path:
        (tmp_path / "base.yaml").write_text(
            base or (BASE if options.get("times_s", True) else "name: tiny\n")
        )
        path = tmp_path / "sweep.yaml"
        path.write_text(f"base: base.yaml\n{text}")
        plan = load_sweep(path)
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        with StoreWriter(out) as store:
            store.adopt(plan)
            for trial in plan.trials:
                try:
                    result = made_up(trial, outcome(trial), **options)
                except RuntimeError as error:
                    result = TrialResult(
                        "t0", "t1", 0.5, "here", {"python": "3.11"}, error=str(error)
                    )
                store.finished(trial.hash, result)
        return out

    return fill
