"""Pulses of each device: their totals are what the tile says it sent, and where they went is where weights changed."""

import copy

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD

from crossbar import PCMConfig
from crossbar.costs import Activity, ArrayLimits, LayerShape, Method, layer_cost
from crossbar.specs import ProgramSpec
from kernels.errors import InputError

FINE = {"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / 2**12}
"""So many pulses to the end that none gets there: what a device holds says how many it has had."""
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(refreshed pairs lost weight|pairs were not programmed)"
)
SHAPE = (12, 20)
UPDATES = {
    "summed": {"kind": "pulsed"},
    "per sample": {"kind": "pulsed", "trains": "per_sample", "train_length": 31},
    "accumulated": {"kind": "accumulated"},
}


def layer_of(update, sharing=1, **config):
    update = {
        "refresh": {"every_updates": 2, "above": 0.3, "other_above": 0.01},
        **UPDATES[update],
    } | (config.pop("refresh", {}))
    given = {"seed": 3, "io": "perfect", "wear": True, "update": update}
    array = {"devices_per_polarity": sharing}
    torch.manual_seed(0)
    return AnalogLinear(
        SHAPE[1], SHAPE[0], bias=False, rpu_config=PCMConfig(array=array, **given | config)
    )


def tile_of(layer):
    return next(layer.analog_tiles())


def train(layer, updates=12, lr=0.05, seed=1):
    torch.manual_seed(seed)
    optimizer = AnalogSGD(layer.parameters(), lr=lr)
    for _ in range(updates):
        optimizer.zero_grad()
        (layer(torch.randn(8, SHAPE[1])) - 1.0).square().sum().backward()
        optimizer.step()


def totals(tile):
    """SET and RESET pulses of all devices."""
    wear = tile.wear
    return (
        int(wear.set_plus.sum() + wear.set_minus.sum()),
        int(wear.reset_plus.sum() + wear.reset_minus.sum()),
    )


def sent(tile):
    """The same as the counters of the periphery have them."""
    counters = tile.counters
    began = counters["programmed"] * (tile.g_plus.size + tile.g_minus.size)
    again = counters["program_resets"] - began
    sets = counters["pulses"] + counters["refresh_pulses"] + counters["program_pulses"] - again
    return sets, 2 * counters["refreshes"] + counters["program_resets"]


@pytest.mark.parametrize("faults", [{}, {"stuck_reset": 0.1, "stuck_set": 0.1}])
@pytest.mark.parametrize("sharing", [1, 3])
@pytest.mark.parametrize("update", UPDATES)
def test_totals_are_the_pulses_that_the_tile_says_it_sent(update, sharing, faults):
    layer = layer_of(update, sharing, faults=faults)
    tile = tile_of(layer)
    tile.program(0.2 * torch.randn(SHAPE))
    train(layer)
    tile.program(0.2 * torch.randn(SHAPE), ProgramSpec(kind="open_loop"))
    train(layer, updates=2)
    counters = tile.counters
    assert min(counters[name] for name in ("pulses", "refreshes", "refresh_pulses")) > 0
    assert counters["program_pulses"] > 0
    assert counters["program_resets"] > counters["programmed"] * (
        tile.g_plus.size + tile.g_minus.size
    )
    assert totals(tile) == sent(tile)
    assert all(one.shape == tile.g_plus.shape and one.dtype == np.uint32 for one in tile.wear)


@pytest.mark.parametrize("sharing", [1, 3])
@pytest.mark.parametrize("update", UPDATES)
def test_a_device_has_had_the_pulses_that_its_conductance_shows(update, sharing):
    layer = layer_of(update, sharing, device=FINE, refresh={"refresh": {"every_updates": None}})
    tile = tile_of(layer)
    tile.program(torch.zeros(SHAPE), ProgramSpec(kind="exact"))
    before = copy.deepcopy(tile.wear)
    train(layer, lr=0.01)
    step = FINE["step_uS"]
    for g, after, then in (
        (tile.g_plus, tile.wear.set_plus, before.set_plus),
        (tile.g_minus, tile.wear.set_minus, before.set_minus),
    ):
        expected = np.rint(g / step)
        assert 0 < expected.max() < 2**12
        np.testing.assert_array_equal(after - then, expected)


def test_a_refresh_resets_both_devices_of_a_pair_and_a_stuck_one_too():
    layer = layer_of("summed", faults={"stuck_set": 0.3})
    tile = tile_of(layer)
    wear = copy.deepcopy(tile.wear)
    train(layer)
    plus, minus = tile.wear.reset_plus - wear.reset_plus, tile.wear.reset_minus - wear.reset_minus
    np.testing.assert_array_equal(plus, minus)
    assert plus.sum() == tile.counters["refreshes"] > 0
    stuck = tile.tile.devices.stuck[0].set_index
    assert stuck.size
    assert tile.wear.reset_plus.reshape(-1)[stuck].sum() > 0


@pytest.mark.parametrize("sharing", [1, 3])
def test_what_is_priced_is_what_the_devices_have_had(sharing):
    """Refreshes are counted device pair by device pair: K at each synapse are in the count already."""
    layer = layer_of("summed", sharing)
    tile = tile_of(layer)
    before = totals(tile)
    train(layer, updates=10)
    activity = Activity.measured([tile.counters], SHAPE[0] * SHAPE[1], 1.0)
    cost = layer_cost(
        LayerShape("layer", SHAPE[1], SHAPE[0]),
        Method(name="sgd", update=tile.rpu_config.update),
        8,
        activity,
        ArrayLimits(sharing=sharing),
    )
    priced = cost.operations.values()
    sets, resets = (now - then for now, then in zip(totals(tile), before, strict=True))
    assert resets > 0
    assert 10 * sum(one.reset_pulses for one in priced) == pytest.approx(resets)
    assert 10 * sum(one.set_pulses for one in priced) == pytest.approx(sets)


@pytest.mark.parametrize("update", UPDATES)
def test_counting_changes_nothing_else(update):
    counted, plain = layer_of(update, 2), layer_of(update, 2, wear=False)
    assert tile_of(plain).wear is None
    for layer in (counted, plain):
        train(layer)
    assert tile_of(counted).counters == tile_of(plain).counters
    np.testing.assert_array_equal(tile_of(counted).g_plus, tile_of(plain).g_plus)


def test_counts_go_on_where_a_state_left_them():
    first, whole = layer_of("summed"), layer_of("summed")
    train(first, updates=3)
    train(whole, updates=3)
    second = layer_of("summed")
    second.load_state_dict(first.state_dict())
    live = tile_of(copy.deepcopy(first)).wear
    np.testing.assert_array_equal(live.set_plus, tile_of(first).wear.set_plus)
    for layer in (second, whole):
        train(layer, updates=3, seed=2)
    for one, other in zip(tile_of(second).wear, tile_of(whole).wear, strict=True):
        np.testing.assert_array_equal(one, other)
    assert tile_of(first).wear.set_plus.sum() < tile_of(second).wear.set_plus.sum()


def test_a_state_is_refused_where_pulses_are_counted_in_one_of_the_two():
    plain, counted = layer_of("summed", wear=False), layer_of("summed")
    with pytest.raises(InputError, match="the state does not, this tile counts the pulses"):
        counted.load_state_dict(plain.state_dict(), load_rpu_config=False)
    with pytest.raises(InputError, match=r"the state counts .* \(wear\), this tile does not"):
        plain.load_state_dict(counted.state_dict(), load_rpu_config=False)


def test_a_word_is_no_choice():
    with pytest.raises(InputError, match="wear: must be True or False"):
        PCMConfig(wear="yes")


def test_weights_in_software_wear_nothing():
    with pytest.raises(InputError, match="wear: counts the pulses of updates in place"):
        PCMConfig(update="software", wear=True)
