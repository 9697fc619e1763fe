import numpy as np
import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.presets import IdealizedPreset, StandardHWATrainingPreset
from torch import nn

from imc_grapes import Grapes
from imc_grapes.grapes.factors import NonFiniteWeightError, layer_factors
from kernels.oracles.importance import modulation_factors, per_weight


def uneven(layer, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        spread = torch.rand(len(layer.weight), generator=generator)
        layer.weight.mul_(spread.view(-1, *[1] * (layer.weight.dim() - 1)))
    return layer


def expected(weight):
    return modulation_factors(per_weight(weight.detach().flatten(1).numpy()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    "layer", [nn.Linear(9, 6), nn.Conv1d(2, 6, 3), nn.Conv2d(2, 6, 3, groups=2), nn.Conv3d(2, 6, 2)]
)
def test_every_weight_into_a_node_counts(layer, dtype):
    layer = uneven(layer).to(dtype)
    found = layer_factors("x", layer)
    assert found.dtype == dtype
    tolerance = 2e-2 if dtype == torch.bfloat16 else 1e-6
    np.testing.assert_allclose(found.float(), expected(layer.weight.double()), rtol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_layer_of_zeros_has_factors_of_one(dtype):
    layer = nn.Linear(4, 3).to(dtype)
    nn.init.zeros_(layer.weight)
    assert layer_factors("x", layer).tolist() == [1.0] * 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_broken_weight_is_an_error_that_names_layer_and_node(bad, dtype):
    layer = nn.Linear(4, 3).to(dtype)
    with torch.no_grad():
        layer.weight[1, 2] = bad
    with pytest.raises(NonFiniteWeightError, match=r"'encoder\.fc'.*node 1 .*1 of 3 nodes"):
        layer_factors("encoder.fc", layer)


@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
def test_a_broken_weight_stops_the_training_step(mode):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    Grapes(model, mode)
    with torch.no_grad():
        model[0].weight[0, 0] = float("nan")
    with pytest.raises(NonFiniteWeightError, match="layer '0'"):
        model(torch.rand(2, 4)).sum().backward()


@pytest.mark.parametrize("preset", [IdealizedPreset, StandardHWATrainingPreset])
@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (7, 0), (0, 4), (7, 4), (1, 1), (512, 512)])
@pytest.mark.parametrize("layer", [nn.Linear(20, 9), nn.Conv2d(2, 9, 3)])
def test_a_layer_split_over_tiles_has_the_factors_of_the_whole_matrix(preset, rows, columns, layer):
    config = preset()
    config.mapping.max_input_size, config.mapping.max_output_size = rows, columns
    analog = convert_to_analog(uneven(layer), config)
    weight, _ = analog.get_weights()
    np.testing.assert_allclose(layer_factors("x", analog), expected(weight), rtol=1e-5)


def test_a_broken_conductance_of_one_tile_names_the_node_of_the_layer():
    config = StandardHWATrainingPreset()
    config.mapping.max_input_size, config.mapping.max_output_size = 5, 3
    analog = convert_to_analog(nn.Linear(10, 7), config)
    tile = list(analog.analog_tiles())[4]
    with torch.no_grad():
        tile.shared_weights[1, 0] = float("inf")
    with pytest.raises(NonFiniteWeightError, match=r"layer 'x'.*node [0-6] .*1 of 7"):
        layer_factors("x", analog)
