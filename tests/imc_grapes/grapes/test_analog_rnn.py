"""GRAPES on aihwkit's recurrent layers and cells, on ideal tiles, against torch's with the same weights."""

import pytest
import torch
from aihwkit.nn import (
    AnalogGRUCell,
    AnalogLSTMCell,
    AnalogLSTMCellCombinedWeight,
    AnalogRNN,
    AnalogVanillaRNNCell,
)
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.configs import FloatingPointRPUConfig
from aihwkit.simulator.presets import StandardHWATrainingPreset
from torch import nn

from crossbar.placement import placed_tiles
from imc_grapes import Grapes

INPUTS, UNITS = 5, 4
CELLS = {
    AnalogVanillaRNNCell: nn.RNN,
    AnalogLSTMCell: nn.LSTM,
    AnalogLSTMCellCombinedWeight: nn.LSTM,
    AnalogGRUCell: nn.GRU,
}


def build(cell, **options):
    torch.manual_seed(0)
    layer = AnalogRNN(cell, INPUTS, UNITS, True, FloatingPointRPUConfig(), **options)
    return nn.ModuleDict({"rnn": layer, "head": nn.Linear(UNITS, 2, bias=False)})


def matrices(cell):
    """Input weights, recurrent weights and the sum of the biases of an analog cell."""
    parts = [linear.get_weights() for linear in cell.children()]
    if len(parts) == 1:
        weights, bias = parts[0]
        return [weights[:, :INPUTS].clone(), weights[:, INPUTS:].clone()], [bias, None]
    return [weights.clone() for weights, _ in parts], [bias for _, bias in parts]


def as_torch(kind, cell):
    layer = kind(INPUTS, UNITS)
    weights, biases = matrices(cell)
    with torch.no_grad():
        for name, weight, bias in zip(("ih", "hh"), weights, biases, strict=True):
            getattr(layer, f"weight_{name}_l0").copy_(weight)
            getattr(layer, f"bias_{name}_l0").copy_(0.0 if bias is None else bias)
    return layer


@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
def test_one_update_on_tiles_is_that_of_torchs_layer(cell, mode):
    analog = build(cell)
    inner = analog["rnn"].rnn.layers[0].cell
    digital = nn.ModuleDict(
        {"rnn": as_torch(CELLS[cell], inner), "head": nn.Linear(UNITS, 2, bias=False)}
    )
    digital["head"].load_state_dict(analog["head"].state_dict())
    inputs = []
    for model, kind in ((analog, AnalogSGD), (digital, torch.optim.SGD)):
        optimizer = kind(model.parameters(), lr=0.1)
        if kind is AnalogSGD:
            optimizer.regroup_param_groups(model)
        grapes = Grapes(model, mode)
        x = torch.rand(6, 3, INPUTS, generator=torch.Generator().manual_seed(1)).requires_grad_()
        model["head"](model["rnn"](x)[0]).square().sum().backward()
        optimizer.step()
        inputs.append(x.grad)
        assert {len(factors) for factors in grapes.factors().values()} == {UNITS}
    torch.testing.assert_close(*inputs)
    found, _ = matrices(inner)
    for name, weights in zip(("ih", "hh"), found, strict=True):
        expected = getattr(digital["rnn"], f"weight_{name}_l0").detach()
        torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-6)


def test_every_layer_and_direction_has_factors_of_its_own():
    model = build(AnalogLSTMCell, num_layers=2)
    assert set(Grapes(model).factors()) == {"rnn.rnn.layers.0", "rnn.rnn.layers.1"}
    model = build(AnalogGRUCell, bidir=True)
    names = {f"rnn.rnn.layers.0.directions.{direction}" for direction in (0, 1)}
    assert set(Grapes(model).factors()) == names
    outputs, _ = model["rnn"](torch.rand(6, 3, INPUTS))
    outputs.square().sum().backward()


@pytest.mark.parametrize("mode", ["propagating", "local"])
def test_an_analog_cell_in_a_loop_is_the_layer(mode):
    model = build(AnalogLSTMCell)
    cell = model["rnn"].rnn.layers[0].cell
    x, found = torch.rand(6, 3, INPUTS), []
    for layers in (["rnn.rnn.layers.0"], ["cell"]):
        alone = nn.ModuleDict({"cell": cell, "head": model["head"]})
        grapes = Grapes(model if layers[0] != "cell" else alone, mode, layers=layers)
        given = x.clone().requires_grad_()
        if layers[0] == "cell":
            state, outputs = cell.get_zero_state(3), []
            for step in given:
                output, state = cell(step, state)
                outputs.append(output)
            result = torch.stack(outputs)
        else:
            result, _ = model["rnn"](given)
        model["head"](result).square().sum().backward()
        found.append(given.grad)
        grapes.detach()
    torch.testing.assert_close(*found)


def test_hardware_aware_tiles_train():
    torch.manual_seed(0)
    layer = AnalogRNN(AnalogLSTMCell, INPUTS, UNITS, True, StandardHWATrainingPreset())
    model = nn.ModuleDict({"rnn": layer, "head": nn.Linear(UNITS, 2)})
    Grapes(model)
    model["head"](model["rnn"](torch.rand(6, 3, INPUTS))[0]).square().sum().backward()
    tiles = [
        placed.tile for part in layer.rnn.layers[0].cell.children() for placed in placed_tiles(part)
    ]
    assert len(tiles) == 2
    assert all(float(tile.shared_weights.grad.abs().max()) > 0 for tile in tiles)
