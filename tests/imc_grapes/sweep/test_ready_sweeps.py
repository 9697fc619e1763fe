"""The configs that come with the project are whole."""

from pathlib import Path

import pytest

from imc_grapes.config import load_run_config
from imc_grapes.config.yaml_file import read_yaml
from imc_grapes.sweep import load_sweep

CONFIGS = Path(__file__).parents[3] / "configs"
FILES = {path.relative_to(CONFIGS): read_yaml(path).values for path in CONFIGS.rglob("*.yaml")}
SWEEPS = sorted(
    (path, scale)
    for path, values in FILES.items()
    if "base" in values
    for scale in ("as written", *values.get("scales", {}))
)
RUNS = sorted(path for path, values in FILES.items() if "base" not in values)


@pytest.mark.parametrize(("path", "scale"), SWEEPS, ids=str)
def test_every_trial_of_a_sweep_is_valid(path, scale):
    plan = load_sweep(CONFIGS / path, [] if scale == "as written" else [f"scale={scale}"])
    assert plan.question
    assert len(plan.trials) > 1


@pytest.mark.parametrize("path", RUNS, ids=str)
def test_a_run_is_valid(path):
    assert load_run_config(CONFIGS / path).name
