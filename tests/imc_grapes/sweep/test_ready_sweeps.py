"""The configs that come with the project are whole."""

from functools import cache
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


@cache
def plan_of(path, scale):
    return load_sweep(CONFIGS / path, [] if scale == "as written" else [f"scale={scale}"])


@pytest.mark.parametrize(("path", "scale"), SWEEPS, ids=str)
def test_every_trial_of_a_sweep_is_valid(path, scale):
    plan = plan_of(path, scale)
    assert plan.question
    assert len(plan.trials) > 1


@pytest.mark.parametrize(("path", "scale"), SWEEPS, ids=str)
def test_every_method_is_tuned_over_as_many_values(path, scale):
    """On every device: one value for all, or three or more, of which the best need not lie on an edge."""
    plan = plan_of(path, scale)
    offered = {}
    for trial in plan.trials:
        offered.setdefault((trial.method, trial.setting), set()).add(trial.tuned)
    counts = {len(values) for values in offered.values()}
    assert len(counts) == 1, offered
    assert counts != {2}


def test_what_limits_pulses_is_tuned_alike():
    """The same learning rates and the same decay for every device, and validation images to choose on."""
    plan = plan_of(Path("sweeps/pulsed_limits.yaml"), "as written")
    offered = {}
    for trial in plan.trials:
        offered.setdefault(trial.method, set()).add(trial.tuned)
    assert len(offered) == 10
    assert plan.baseline == "one device"
    assert all(values == {0.075, 0.15, 0.3, 0.6, 1.2} for values in offered.values())
    assert {trial.config.training.optimizer.lr_decay for trial in plan.trials} == {0.77}
    assert {trial.config.data.validation_fraction for trial in plan.trials} == {0.2}


@pytest.mark.parametrize("path", RUNS, ids=str)
def test_a_run_is_valid(path):
    assert load_run_config(CONFIGS / path).name
