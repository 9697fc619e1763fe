import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import InferenceRPUConfig
from aihwkit.simulator.presets import GokmenVlasovPreset, PCMPreset
from torch import nn

from crossbar import PCMConfig, PCMTile, conductances
from kernels.errors import InputError


@pytest.mark.parametrize("preset", [PCMPreset, GokmenVlasovPreset, InferenceRPUConfig])
def test_aihwkits_tiles_give_copies_whose_difference_is_the_weight(preset):
    layer = AnalogLinear(6, 4, bias=False, rpu_config=preset())
    (held,) = conductances(layer)
    weights = layer.get_weights()[0].numpy().copy()
    assert held.g_plus.shape == held.g_minus.shape == (4, 6)
    assert held.g_plus.dtype == held.g_minus.dtype == np.float32
    assert held.g_plus.min() >= 0.0
    assert held.g_minus.min() >= 0.0
    np.testing.assert_allclose(held.g_plus - held.g_minus, weights, atol=1e-6)
    held.g_plus[...] = 5.0
    np.testing.assert_array_equal(layer.get_weights()[0].numpy(), weights)


def test_both_devices_of_aihwkits_pair_are_seen():
    layer = AnalogLinear(6, 4, bias=False, rpu_config=PCMPreset())
    tile = next(layer.analog_tiles())
    tile.set_learning_rate(0.2)
    for sign in (1.0, -1.0):
        tile.update(torch.ones(5, 6), torch.full((5, 4), sign))
    (held,) = conductances(layer)
    assert held.g_plus.max() > 0.5
    assert held.g_minus.max() > 0.5


def test_a_layer_of_aihwkits_over_several_tiles_is_put_together():
    config = InferenceRPUConfig()
    config.mapping.max_input_size, config.mapping.max_output_size = 5, 3
    layer = AnalogLinear(12, 7, bias=False, rpu_config=config)
    found = np.zeros((7, 12), np.float32)
    for part in conductances(layer):
        found[part.columns, part.rows] = part.g_plus - part.g_minus
    np.testing.assert_allclose(found, layer.get_weights()[0].numpy(), atol=1e-6)


def test_a_tile_by_itself_will_do_and_a_digital_layer_will_not():
    tile = PCMTile(4, 6, PCMConfig(seed=0))
    (held,) = conductances(tile)
    assert np.shares_memory(held.g_minus, tile.g_minus)
    assert (held.rows, held.columns) == (slice(0, 6), slice(0, 4))
    with pytest.raises(InputError, match="no analog tile"):
        list(conductances(nn.Linear(3, 2)))
