import pytest

from imc_grapes.sweep import load_sweep
from kernels.errors import InputError

LR = "  training.optimizer.lr: [0.1, 0.2]\n"
CASES = "cases:\n  one: {training.optimizer.lr_decay: 1.0}\n  other: {training.optimizer.lr_decay: 0.9}\n"
SCALES = "scales:\n  small: {set: {training.epochs: 1}}\n"


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("gird: {}\n", [], "sweep.yaml:2: gird: unknown key; did you mean grid?"),
        (
            "cases:\n  a: {training.epoch: 2}\n",
            [],
            "sweep.yaml:3: training.epoch: unknown key; did you mean epochs?",
        ),
        (
            "cases:\n  a: {training.optimizer.name: adm}\n  b: {}\n",
            [],
            "did you mean adam?",
        ),
        (
            "grid:\n  training.optimizer.lrr: [0.1]\n",
            [],
            "sweep.yaml:3: training.optimizer.lrr: unknown key; 'lrr' is not one of 'lr', 'lr_decay'; did you mean lr?",
        ),
        ("grid:\n  network.kind: [mlp, cnnn]\n", [], "did you mean cnn?"),
        ("grid:\n  training.grapes.mode: [off, locl]\n", [], "did you mean local?"),
        ("zip:\n  training.patiense: [1, 2]\n", [], "did you mean patience?"),
        ("zip:\n  training.keep: [last, bst]\n", [], "did you mean best"),
        ("tune:\n  training.optimizer.lr_deca: [0.9]\n", [], "did you mean lr_decay"),
        ("tune:\n  training.loss: [cross_entrop]\n", [], "did you mean cross_entropy?"),
        (f"grid:\n{LR}tune: training.optimizer.l\n", [], "did you mean training.optimizer.lr?"),
        (
            f"{CASES}tune:\n  training.optimizer.lr: {{one: [0.1], othr: [0.1]}}\n",
            [],
            "is none of the cases: one, other; did you mean other?",
        ),
        (
            f"grid:\n{LR}side_by_side: [training.optimizer.rl]\n",
            [],
            "is no key of the grid; did you mean training.optimizer.lr?",
        ),
        (f"{CASES}baseline: on\n", [], "did you mean one?"),
        (
            "grid:\n  training.optimizer.lr: {linspce: [0.1, 0.2, 2]}\n",
            [],
            "sweep.yaml:3: grid.training.optimizer.lr.linspce: is no way to space values; did you mean linspace?",
        ),
        (
            "scales: {small: {sets: {}}}\n",
            [],
            "scales.small.sets: unknown key; did you mean set?",
        ),
        (
            "scales:\n  small: {set: {training.epoch: 1}}\n",
            ["scale=small"],
            "training.epoch: unknown key; did you mean epochs?",
        ),
        (SCALES, ["scale=smal"], "its scales are: small; did you mean small?"),
        (SCALES, ["scal=small"], "--set scal=small: 'scal' is a key neither of the sweep nor"),
        (SCALES, ["scal=small"], "; did you mean scale?"),
        ("", ["marign=1"], "; did you mean margin?"),
        ("", ["training.epoch=1"], "training.epoch: unknown key; did you mean epochs?"),
    ],
)
def test_a_typo_in_a_sweep_gets_a_suggestion_in_its_message(sweep_file, text, overrides, message):
    with pytest.raises(InputError) as caught:
        load_sweep(sweep_file(text), overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
