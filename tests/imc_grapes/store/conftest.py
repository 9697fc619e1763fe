from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imc_grapes.store.records import TrialResult
from imc_grapes.summary import Summary
from imc_grapes.sweep import SweepPlan, load_sweep

BASE = "name: tiny\ntraining: {epochs: 1}\n"


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., SweepPlan]:
    """A sweep of four trials: two learning rates, two seeds."""

    def build(
        grid: str = "{training.optimizer.lr: [0.1, 0.2]}", base: str = BASE, seeds: int = 2
    ) -> SweepPlan:
        (tmp_path / "base.yaml").write_text(base)
        path = tmp_path / "sweep.yaml"
        path.write_text(f"base: base.yaml\ngrid: {grid}\nseeds: {seeds}\n")
        return load_sweep(path)

    return build


@pytest.fixture
def result() -> Callable[..., TrialResult]:
    """What came of a trial, or why nothing did."""

    def build(accuracy: float = 0.9, error: str | None = None, **more: Any) -> TrialResult:
        drift = [
            {
                "time_s": time_s,
                "compensation": "global",
                "mean": accuracy - 0.01 * step,
                "std": 0.01,
            }
            for step, time_s in enumerate((25.0, 86400.0))
        ]
        summary = {
            "test_accuracy": accuracy,
            "validation_accuracy": accuracy,
            "optimizer_state_bytes": 0,
            "drift": drift,
            **more,
        }
        return TrialResult(
            started="2026-01-01T00:00:00",
            finished="2026-01-01T00:00:01",
            seconds=1.0,
            host="here",
            versions={"python": "3"},
            summary=None if error else Summary.of(summary),
            metrics=None
            if error
            else [{"epoch": 1, "train_loss": 1.0, "validation_accuracy": accuracy}],
            measurements=None if error else {},
            error=error,
        )

    return build
