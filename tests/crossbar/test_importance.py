import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from aihwkit.simulator.presets import IdealizedPreset, PCMPreset, StandardHWATrainingPreset

from crossbar.importance import column_importance
from kernels.oracles.importance import per_weight


@pytest.mark.parametrize("preset", [IdealizedPreset, PCMPreset, StandardHWATrainingPreset])
@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (7, 4), (3, 512)])
def test_partial_sums_of_all_tiles_give_the_importance_of_the_whole_matrix(preset, rows, columns):
    torch.manual_seed(0)
    config = preset()
    config.mapping.max_input_size, config.mapping.max_output_size = rows, columns
    for layer in (
        AnalogLinear(20, 9, rpu_config=config),
        AnalogConv2d(2, 9, 3, rpu_config=config),
    ):
        expected = per_weight(layer.get_weights()[0].flatten(1).numpy())
        np.testing.assert_allclose(column_importance(layer), expected, rtol=1e-5)


def test_output_scales_count_by_their_size_whatever_their_sign():
    layer = AnalogLinear(6, 4, bias=False, rpu_config=StandardHWATrainingPreset())
    (tile,) = layer.analog_tiles()
    with torch.no_grad():
        tile.out_scaling_alpha.copy_(torch.tensor([1.0, -2.0, 0.5, 0.0]))
    expected = per_weight(layer.get_weights()[0].numpy())
    assert expected[3] == 0.0
    np.testing.assert_allclose(column_importance(layer), expected, rtol=1e-6)
