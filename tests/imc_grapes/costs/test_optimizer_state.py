import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.presets import (
    IdealizedPreset,
    MixedPrecisionPCMPreset,
    StandardHWATrainingPreset,
)
from torch import nn

from crossbar import PCMConfig
from crossbar.rules import RULES
from imc_grapes import Grapes
from imc_grapes.costs.optimizer_state import closed_form_bytes, measured_bytes
from imc_grapes.rules import optimizer as optimizer_for

WEIGHTS = 7 * 5 + 5 * 3


def model():
    return nn.Sequential(nn.Linear(7, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False))


def after_a_step(network, name):
    optimizer = optimizer_for(network, name, lr=0.01)
    network(torch.rand(4, 7)).square().sum().backward()
    optimizer.step()
    return optimizer


def walked_bytes(optimizer):
    """Every storage reachable from the optimizer's state, once."""
    storages = {}
    for entry in optimizer.state_dict()["state"].values():
        for value in entry.values():
            if torch.is_tensor(value):
                storage = value.untyped_storage()
                storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.mark.parametrize("grapes", [False, True])
@pytest.mark.parametrize(
    ("name", "per_weight", "counters"),
    [("sgd", 0, 0), ("momentum", 1, 0), ("nag", 1, 0), ("rmsprop", 1, 2), ("adam", 2, 2)],
)
def test_bytes_are_those_of_the_live_tensors(name, per_weight, counters, grapes):
    network = model()
    if grapes:
        Grapes(network)
    optimizer = after_a_step(network, name)
    assert closed_form_bytes(network, RULES[name]()) == 4 * per_weight * WEIGHTS
    found = measured_bytes(optimizer, network)
    assert found == walked_bytes(optimizer)
    assert found == 4 * per_weight * WEIGHTS + 4 * counters


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_hardware_aware_tiles_count_like_any_other_weight(name):
    network = convert_to_analog(model(), StandardHWATrainingPreset())
    optimizer = after_a_step(network, name)
    counters = walked_bytes(optimizer) - closed_form_bytes(network, RULES[name]())
    assert 0 <= counters <= 4 * len(list(network.parameters()))
    assert measured_bytes(optimizer, network) == walked_bytes(optimizer)
    assert closed_form_bytes(network, RULES["momentum"]()) >= 4 * WEIGHTS


def test_tiles_updated_in_place_keep_nothing_in_the_optimizer():
    network = convert_to_analog(model(), IdealizedPreset())
    assert measured_bytes(after_a_step(network, "sgd"), network) == 0
    assert closed_form_bytes(network, RULES["sgd"]()) == 0


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_the_closed_form_needs_no_step_as_after_a_resume(name):
    fresh, trained = model(), model()
    after_a_step(trained, name)
    assert closed_form_bytes(fresh, RULES[name]()) == closed_form_bytes(trained, RULES[name]())


def test_frozen_weights_need_no_state():
    network = model()
    network[0].requires_grad_(False)
    assert closed_form_bytes(network, RULES["adam"]()) == 2 * 4 * 15


def test_the_accumulator_of_aihwkits_mixed_precision_is_counted():
    network = convert_to_analog(model(), MixedPrecisionPCMPreset())
    assert measured_bytes(after_a_step(network, "sgd"), network) == 4 * WEIGHTS


@pytest.mark.parametrize(("name", "matrices"), [("sgd", 0), ("momentum", 1), ("adam", 2)])
def test_a_pcm_tile_keeps_its_accumulator_and_the_matrices_of_its_optimizer(name, matrices):
    update = {"kind": "accumulated", "accumulator_bits": 16, "optimizer": name}
    network = convert_to_analog(model(), PCMConfig(update=update))
    expected = WEIGHTS * (2 + 4 * matrices)
    assert measured_bytes(after_a_step(network, name), network) == expected
    assert closed_form_bytes(network, RULES[name]()) == expected


def test_a_pulsed_pcm_tile_keeps_nothing():
    network = convert_to_analog(model(), PCMConfig(update="pulsed"))
    assert measured_bytes(after_a_step(network, "sgd"), network) == 0
    assert closed_form_bytes(network, RULES["sgd"]()) == 0
