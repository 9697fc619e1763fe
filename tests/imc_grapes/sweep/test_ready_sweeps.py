"""The sweeps that come with the project are whole."""

from pathlib import Path

import pytest

from imc_grapes.sweep import load_sweep

CONFIGS = Path(__file__).parents[3] / "configs"
READY = [
    CONFIGS / "demo.yaml",
    CONFIGS / "paper" / "jsb_tuning.yaml",
    CONFIGS / "paper" / "snu_mnist_grapes.yaml",
    *sorted((CONFIGS / "sweeps").rglob("*.yaml")),
]


@pytest.mark.parametrize("path", READY, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_trial_of_it_is_valid(path):
    plan = load_sweep(path)
    assert plan.question
    assert len(plan.trials) > 1
