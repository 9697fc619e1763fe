import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from aihwkit.simulator.presets import IdealizedPreset, StandardHWATrainingPreset

from crossbar.placement import placed_tiles


def layer_on(preset, rows, columns, make):
    config = preset()
    config.mapping.max_input_size, config.mapping.max_output_size = rows, columns
    return make(config)


def linear(config):
    return AnalogLinear(20, 9, rpu_config=config)


def convolution(config):
    return AnalogConv2d(2, 9, 3, rpu_config=config)


@pytest.mark.parametrize("preset", [IdealizedPreset, StandardHWATrainingPreset])
@pytest.mark.parametrize("make", [linear, convolution])
@pytest.mark.parametrize(
    ("rows", "columns", "tiles"), [(0, 0, 1), (512, 512, 1), (7, 0, 3), (0, 4, 3), (7, 4, 9)]
)
def test_tiles_cover_the_weight_matrix_once_and_hold_its_weights(
    preset, make, rows, columns, tiles
):
    torch.manual_seed(0)
    layer = layer_on(preset, rows, columns, make)
    weights = layer.get_weights()[0].flatten(1)
    rebuilt = torch.full(weights.shape, float("nan"))
    placed = list(placed_tiles(layer))
    assert len(placed) == tiles
    for place in placed:
        part = rebuilt[place.columns, place.rows]
        assert part.isnan().all()
        part.copy_(place.tile.get_weights()[0])
    torch.testing.assert_close(rebuilt, weights)
