import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.tiles.module import TileModule

from crossbar.aihwkit_presets import find_preset
from imc_grapes import RunConfig
from imc_grapes.experiment.assemble import on_hardware
from imc_grapes.networks.mlp import MLPConfig


def built(hardware, hidden=(40, 30)):
    network = MLPConfig(hidden=hidden).build((1, 8, 8), 10, torch.Generator().manual_seed(0))
    config = RunConfig.model_validate({"name": "x", "hardware": hardware})
    return network, on_hardware(network, config)


def _tiles(model):
    return [module for module in model.modules() if isinstance(module, TileModule)]


def test_digital_layers_stay_as_they_are():
    network, model = built({"tile": "digital"})
    assert model is network


@pytest.mark.parametrize("preset", ["IdealizedPreset", "StandardHWATrainingPreset"])
@pytest.mark.parametrize(("rows", "columns"), [(64, 40), (33, 16), (1000, 1000)])
def test_no_tile_is_larger_than_the_array_and_together_they_hold_the_weights(preset, rows, columns):
    array = {"rows": rows, "columns": columns}
    network, model = built({"tile": "aihwkit", "preset": preset, "array": array})
    layers = [module for module in model.modules() if isinstance(module, AnalogLinear)]
    assert len(layers) == 3
    for tile in _tiles(model):
        assert tile.in_size <= rows
        assert tile.out_size <= columns
    wanted = sum(-(-i // rows) * -(-o // columns) for i, o in ((64, 40), (40, 30), (30, 10)))
    assert len(_tiles(model)) == wanted
    for layer, index in zip(layers, (1, 3, 5), strict=True):
        weights, _ = layer.get_weights()
        expected = network[index].weight.detach()
        if preset == "StandardHWATrainingPreset":
            torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-6)
        else:  # devices vary, and each is bounded
            both = torch.stack([weights.flatten(), expected.flatten()])
            assert torch.corrcoef(both)[0, 1] > 0.98


def test_without_an_array_the_preset_decides():
    _, model = built({"tile": "aihwkit", "preset": "StandardHWATrainingPreset"}, hidden=(600,))
    limit = find_preset("StandardHWATrainingPreset").config_class().mapping.max_output_size
    widest = max(tile.out_size for tile in _tiles(model))
    assert widest == (min(600, limit) if limit else 600)
