"""Every rule against its closed form in float64, and what a choice of one accepts."""

import numpy as np
import pytest
import torch

from crossbar.chi_optimizer import ChiOptimizer
from crossbar.rules import RULES, RuleChoice
from crossbar.specs import AccumulatedSpec, OptimizerSpec, PulsedSpec
from kernels.errors import InputError

OTHER_CONSTANTS = {
    "momentum": {"momentum": 0.5},
    "nag": {"momentum": 0.5},
    "rmsprop": {"alpha": 0.5, "eps": 0.1},
    "adam": {"betas": (0.5, 0.8), "eps": 0.1},
    "adafactor": {"decay_exponent": 0.5, "clip_threshold": 0.7, "eps": 0.1},
    "lion": {"betas": (0.5, 0.8)},
    "scale": {"momentum": 0.5},
    "sinkgd": {"iterations": 2},
}
CASES = [(entry.name, {}) for entry in RULES if RULES.is_own(entry.name)]
CASES += list(OTHER_CONSTANTS.items())


@pytest.mark.parametrize(("name", "constants"), CASES)
def test_a_direction_is_the_closed_form(name, constants):
    gradients = np.random.default_rng(3).normal(size=(12, 5, 7))
    spec = OptimizerSpec(name=name, **constants)
    on_tile = ChiOptimizer(spec, (5, 7), np.uint64(0))
    for update in range(1, len(gradients) + 1):
        given = torch.from_numpy(gradients[update - 1].astype(np.float32))
        found = on_tile.direction(given, update).double().numpy()
        expected = spec.rule.oracle(gradients[:update])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
    held = {array: values.shape for array, values in on_tile.state.items()}
    assert held == spec.rule.state_shapes(5, 7)
    assert sum(values.size for values in on_tile.state.values()) == spec.rule.state_numbers(5, 7)


def test_a_constant_that_a_rule_does_not_use_is_refused_with_those_that_it_has():
    with pytest.raises(
        InputError, match=r"momentum: adam does not use momentum; allowed: betas, eps"
    ):
        RuleChoice.of({"name": "adam", "momentum": 0.5})
    with pytest.raises(InputError, match=r"alpha: Input should be less than 1 .got 1.5"):
        RuleChoice.of({"name": "rmsprop", "alpha": 1.5})
    with pytest.raises(InputError, match="did you mean adam"):
        RuleChoice.of({"name": "adan"})


def test_a_list_and_a_tuple_are_one_choice():
    as_list = RuleChoice.model_validate_json('{"name": "adam", "betas": [0.5, 0.8]}', strict=True)
    assert as_list == RuleChoice(name="adam", betas=(0.5, 0.8))
    assert as_list.rule == RULES["adam"](betas=(0.5, 0.8))


def test_a_resolved_spec_says_what_it_always_said_and_reads_back():
    whole = {"momentum": 0.9, "alpha": 0.9, "betas": (0.9, 0.999), "eps": 1e-8}
    assert AccumulatedSpec().model_dump()["optimizer"] == {"name": "sgd", **whole, "state_bits": 32}
    assert "optimizer" not in PulsedSpec().model_dump()
    spec = AccumulatedSpec.of({"optimizer": {"name": "nag", "momentum": 0.5, "state_bits": 16}})
    assert spec.model_dump()["optimizer"] == {
        "name": "nag",
        **whole,
        "momentum": 0.5,
        "state_bits": 16,
    }
    for one in (spec, AccumulatedSpec(), AccumulatedSpec.of({"optimizer": "adam"}), PulsedSpec()):
        assert type(one).model_validate_json(one.model_dump_json(), strict=True) == one


@pytest.mark.parametrize(("name", "constants"), CASES)
def test_every_rule_reads_back_from_what_a_resolved_config_says(name, constants):
    spec = OptimizerSpec(name=name, **constants)
    assert OptimizerSpec.model_validate_json(spec.model_dump_json(), strict=True) == spec
    assert spec.rule == RULES[name](**constants)


def test_pulses_carry_out_only_what_keeps_nothing():
    assert PulsedSpec.of({"optimizer": "sgd"}) == PulsedSpec()
    with pytest.raises(InputError, match="keeps no state, so it cannot honour optimizer: 'adam'"):
        PulsedSpec.of({"optimizer": "adam"})
