"""Our RNN, LSTM and GRU against torch's, and on tiles against the digital ones."""

import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import FloatingPointRPUConfig
from torch import nn

from crossbar import ColumnCurrent, PCMConfig, PerDevice, Probe
from imc_grapes import Grapes, InputError
from imc_grapes.recurrent import GRU, LSTM, RNN, RecurrentStack, unrolled

TORCH = [nn.RNN, nn.LSTM, nn.GRU]
OURS = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}
OPTIONS = [{}, {"bias": False}, {"batch_first": True}, {"num_layers": 3}]


def sequence():
    return torch.rand(6, 3, 5, generator=torch.Generator().manual_seed(1))


def close(one, other):
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other)
    else:
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            close(a, b)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", TORCH)
def test_outputs_states_and_gradients_equal_those_of_torch(kind, options):
    torch.manual_seed(0)
    theirs = kind(5, 4, **options)
    ours = unrolled(theirs)
    assert type(ours) is (RecurrentStack if "num_layers" in options else OURS[kind])
    x = sequence()
    parted = x.split(3, 1 if options.get("batch_first") else 0)
    results = []
    for layer in (theirs, ours):
        first, state = layer(parted[0][:, :3])
        second, state = (
            layer(parted[1][:, :3], state) if not options.get("batch_first") else (first, state)
        )
        (first.square().sum() + second.square().sum()).backward()
        results.append((first, second, state))
    close(*results)
    gradients = [
        torch.cat([p.grad.flatten() for p in m.parameters()]).sort().values for m in (theirs, ours)
    ]
    close(*gradients)


def test_relu_is_kept_and_the_model_around_it_too():
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {"body": nn.Sequential(nn.RNN(5, 4, nonlinearity="relu")), "head": nn.Linear(4, 2)}
    )
    model["body"][0].weight_hh_l0.requires_grad_(False)
    copied = unrolled(model)
    x = sequence()
    close(copied["body"](x), model["body"](x))
    assert not copied["body"][0].linear_hh.weight.requires_grad
    assert copied["head"].weight is not model["head"].weight
    assert isinstance(model["body"][0], nn.RNN)


def test_dropout_between_layers_is_off_in_evaluation():
    torch.manual_seed(0)
    theirs = nn.GRU(5, 4, num_layers=2, dropout=0.5).eval()
    ours = unrolled(theirs)
    close(ours(sequence()), theirs(sequence()))
    ours.train()
    assert not torch.equal(ours(sequence())[0], ours(sequence())[0])


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"proj_size": 2}], ids=str)
def test_what_cannot_lie_on_tiles_is_refused(options):
    model = nn.ModuleDict({"odd": nn.LSTM(5, 4, **options)})
    with pytest.raises(InputError, match="layer 'odd' is a LSTM that"):
        unrolled(model)


def test_bad_sizes_and_states_are_refused():
    with pytest.raises(InputError, match="hidden_size: must be at least 1"):
        GRU(3, 0)
    with pytest.raises(InputError, match="axis 2"):
        GRU(3, 4)(sequence())
    with pytest.raises(InputError, match=r"state: must be 2 of shape \[1, batch, hidden\]"):
        LSTM(5, 4)(sequence(), torch.zeros(1, 3, 4))
    with pytest.raises(InputError, match="x: is packed"):
        RNN(5, 4)(nn.utils.rnn.pack_sequence([torch.rand(3, 5), torch.rand(2, 5)]))


@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
@pytest.mark.parametrize("kind", TORCH)
def test_on_tiles_grapes_is_that_of_torchs_layer(kind, mode):
    torch.manual_seed(0)
    model = nn.ModuleDict({"layer": kind(5, 4), "head": nn.Linear(4, 2)})
    ours = unrolled(model)
    analog = convert_to_analog(ours, FloatingPointRPUConfig())
    losses, inputs = [], []
    for one in (model, ours, analog):
        Grapes(one, mode)
        x = sequence().requires_grad_()
        outputs, _ = one["layer"](x) if one is not analog else one.layer(x)
        head = one["head"] if one is not analog else one.head
        loss = head(outputs.flatten(0, 1)).square().sum()
        loss.backward()
        losses.append(loss.detach())
        inputs.append(x.grad)
    close(losses[0], losses[1])
    close(losses[0], losses[2])
    close(inputs[0], inputs[1])
    close(inputs[0], inputs[2])
    close(model["layer"].bias_hh_l0.grad, ours["layer"].linear_hh.bias.grad)
    close(model["layer"].weight_hh_l0.grad, ours["layer"].linear_hh.weight.grad)
    close(model["layer"].bias_ih_l0.grad, analog.layer.linear_ih.analog_module.bias.grad)


@pytest.mark.parametrize("readout", [ColumnCurrent(), Probe(), PerDevice(adc_bits=6)], ids=repr)
@pytest.mark.parametrize("kind", TORCH)
def test_the_factors_of_gated_units_are_read_through_circuits_of_our_tiles(kind, readout):
    torch.manual_seed(0)
    model = unrolled(nn.ModuleDict({"layer": kind(30, 8), "head": nn.Linear(8, 2)}))
    with torch.no_grad():
        # Units 0 to 3 have weights three times as large, in every gate.
        for linear in model["layer"].incoming_weights():
            linear.weight.view(-1, 8, linear.in_features)[:, 4:] /= 3
    analog = convert_to_analog(model, PCMConfig(seed=1))
    read = Grapes(analog, readout=readout).factors()["layer"]
    assert read.shape == (8,)
    assert read.max() == 2.0
    assert read[:4].min() > read[4:].max()
