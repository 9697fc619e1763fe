"""GRAPES on RNN, LSTM and GRU against backpropagation through time by hand, in NumPy float64."""

import copy
import pickle

import numpy as np
import pytest
import recurrent_oracle as oracle
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from imc_grapes import Grapes, InputError
from imc_grapes.recurrent import unrolled

STEPS, BATCH, INPUTS, UNITS, OUTPUTS = 6, 3, 5, 4, 2
KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
MODES = ["propagating", "local", "lr_matched"]


class Stack(nn.Module):
    """Two recurrent layers and a readout of every time step."""

    def __init__(self, kind, **options):
        super().__init__()
        torch.manual_seed(1)
        self.first = KINDS[kind](INPUTS, UNITS, **options)
        self.second = KINDS[kind](UNITS, UNITS, **options)
        self.readout = nn.Linear(UNITS, OUTPUTS, bias=False)
        uneven_(self)

    def forward(self, x):
        signal, _ = self.first(x)
        signal, _ = self.second(signal)
        return self.readout(signal)


def uneven_(model):
    """Let the weights of the units differ in size, in all gates alike, so that the factors do."""
    spread = torch.linspace(0.3, 2.0, UNITS)
    with torch.no_grad():
        for parameter in model.parameters():
            of_row = spread[torch.arange(len(parameter)) % UNITS]
            parameter.mul_(of_row.view(-1, *[1] * (parameter.dim() - 1)))
    return model


def sequence(dtype=torch.float64):
    return torch.randn(
        STEPS, BATCH, INPUTS, generator=torch.Generator().manual_seed(3), dtype=dtype
    )


def exact(tensor):
    return tensor.detach().numpy().astype(np.float64)


def as_oracle(kind, layer):
    """The parameters by their names: torch's own order and ours differ."""
    values = dict(layer.named_parameters())
    ours = "linear_ih.weight" in values
    theirs = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    names = ("linear_ih.weight", "linear_hh.weight", "linear_ih.bias", "linear_hh.bias")
    return oracle.Layer(kind, *(exact(values[name]) for name in (names if ours else theirs)))


def relative_error(found, expected):
    return np.abs(exact(found) - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_gradients_of_a_stack_follow_the_equations(kind, mode, dtype):
    model, x = Stack(kind).to(dtype), sequence(dtype).requires_grad_()
    layers = [as_oracle(kind, model.first), as_oracle(kind, model.second)]
    weights = exact(model.readout.weight)
    expected, to_inputs = oracle.grapes_gradients(
        layers, exact(x), lambda outputs: 2 * outputs @ weights.T @ weights, mode
    )
    grapes = Grapes(model, mode)
    model(x).square().sum().backward()
    limit = 1e-10 if dtype == torch.float64 else 1e-5
    assert set(grapes.factors()) == {"first", "second"}
    for name, layer, gradients in zip(("first", "second"), layers, expected, strict=True):
        np.testing.assert_allclose(
            grapes.factors()[name].numpy(), oracle.factors(layer, mode), rtol=limit
        )
        for parameter, gradient in zip(getattr(model, name).parameters(), gradients, strict=True):
            assert relative_error(parameter.grad, gradient) < limit
    assert relative_error(x.grad, to_inputs) < limit


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_layers_of_one_torch_module_are_modulated_one_by_one_once_unrolled(kind, mode):
    torch.manual_seed(0)
    deep = uneven_(KINDS[kind](INPUTS, UNITS, num_layers=2).double())
    model = nn.ModuleDict({"deep": unrolled(deep), "head": nn.Linear(UNITS, OUTPUTS).double()})
    layers = [as_oracle(kind, layer) for layer in model["deep"].layers]
    x = sequence()
    expected, _ = oracle.grapes_gradients(layers, exact(x), lambda outputs: 2 * outputs, mode)
    both = ["deep.layers.0", "deep.layers.1"]
    assert list(Grapes(model, mode, layers=both).factors()) == both
    model["deep"](x)[0].square().sum().backward()
    for layer, (w_ih, w_hh, b_ih, b_hh) in zip(model["deep"].layers, expected, strict=True):
        for linear, weight, bias in (
            (layer.linear_ih, w_ih, b_ih),
            (layer.linear_hh, w_hh, b_hh),
        ):
            assert relative_error(linear.weight.grad, weight) < 1e-10
            assert relative_error(linear.bias.grad, bias) < 1e-10


@pytest.mark.parametrize("kind", KINDS)
def test_the_factors_differ_so_that_the_reference_can_fail(kind):
    layer = as_oracle(kind, Stack(kind).first)
    assert np.ptp(oracle.factors(layer, "propagating")) > 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_at_the_last_state_comes_from_outside_too(kind):
    model, x = Stack(kind).double(), sequence()
    layer = as_oracle(kind, model.first)
    grapes = Grapes(model, layers=["first"])
    outputs, state = model.first(x)
    parts = state if isinstance(state, tuple) else (state,)
    (outputs.square().sum() + sum(3 * part.sum() for part in parts)).backward()
    m = oracle.factors(layer, "propagating")
    expected, _ = oracle.back(
        layer,
        oracle.run(layer, exact(x))[1],
        2 * exact(outputs) * m,
        3 * m,
        3 * m if kind == "lstm" else 0.0,
    )
    for parameter, gradient in zip(model.first.parameters(), expected, strict=True):
        assert relative_error(parameter.grad, gradient) < 1e-10
    grapes.detach()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_a_sequence_in_two_parts_has_the_gradients_of_the_whole(kind, mode):
    whole, x = Stack(kind).double(), sequence()
    parted = copy.deepcopy(whole)
    Grapes(whole, mode)
    Grapes(parted, mode)
    whole.readout(whole.first(x)[0]).square().sum().backward()
    front, state = parted.first(x[:2])
    behind, _ = parted.first(x[2:], state)
    parted.readout(torch.cat((front, behind))).square().sum().backward()
    for one, other in zip(whole.first.parameters(), parted.first.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


class ByCells(nn.Module):
    """A cell in a loop, and a readout of every time step."""

    def __init__(self, kind, layer):
        super().__init__()
        self.cell = CELLS[kind](INPUTS, UNITS).double()
        for own, given in zip(self.cell.parameters(), layer.parameters(), strict=True):
            own.data.copy_(given)
        self.readout = nn.Linear(UNITS, OUTPUTS, bias=False).double()

    def forward(self, x):
        state, outputs = None, []
        for step in x:
            state = self.cell(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return self.readout(torch.stack(outputs))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_a_cell_in_a_loop_is_the_layer(kind, mode):
    model, x = Stack(kind).double(), sequence()
    cells = ByCells(kind, model.first)
    cells.readout.weight.data.copy_(model.readout.weight)
    Grapes(model, mode, layers=["first"])
    Grapes(cells, mode)
    model.readout(model.first(x)[0]).square().sum().backward()
    cells(x).square().sum().backward()
    for one, other in zip(model.first.parameters(), cells.cell.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_state_that_was_changed_on_its_way_back_is_an_error():
    model = nn.ModuleDict({"cell": nn.GRUCell(INPUTS, UNITS), "head": nn.Linear(UNITS, 2)})
    grapes = Grapes(model)
    x = sequence(torch.float32)
    state = model["cell"](x[0])
    with pytest.raises(InputError, match=r"layer 'cell': the state that it is given was computed"):
        model["cell"](x[1], 0.5 * state)
    in_place = model["cell"](x[0])
    in_place.mul_(0.5)
    with pytest.raises(InputError, match=r"layer 'cell': the state that it is given was computed"):
        model["cell"](x[1], in_place)
    model["cell"](x[1], state.detach() * 0.5)
    from_elsewhere = model["head"](torch.rand(BATCH, UNITS)) @ torch.rand(2, UNITS)
    model["cell"](x[1], from_elsewhere)
    grapes.detach()
    model["cell"](x[1], 0.5 * state)


def test_outputs_may_be_changed_in_place_where_torch_allows_it():
    found = []
    for activation in (torch.relu, torch.relu_):
        model = Stack("gru")
        Grapes(model)
        activation(model.first(sequence(torch.float32))[0]).square().sum().backward()
        found.append([p.grad for p in model.first.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_packed_sequences_and_batch_first(mode):
    plain = Stack("lstm")
    packed = copy.deepcopy(plain)
    for model in (plain, packed):
        Grapes(model, mode)
    x = sequence(torch.float32)
    lengths = torch.tensor([6, 4, 3])
    counted = (torch.arange(STEPS)[:, None] < lengths)[..., None]
    (plain.readout(plain.first(x)[0]) * counted).square().sum().backward()
    outputs, _ = packed.first(pack_padded_sequence(x, lengths))
    outputs, _ = pad_packed_sequence(outputs)
    packed.readout(outputs).square().sum().backward()
    first = Stack("lstm", batch_first=True)
    Grapes(first, mode)
    (
        first.readout(first.first(x.transpose(0, 1))[0]) * counted.transpose(0, 1)
    ).square().sum().backward()
    for one, two, three in zip(
        *(model.first.parameters() for model in (plain, packed, first)), strict=True
    ):
        torch.testing.assert_close(one.grad, two.grad)
        torch.testing.assert_close(one.grad, three.grad)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.LSTM(4, 4, num_layers=2), r"of 2 layers in one, .*recurrent\.unrolled"),
        (nn.GRU(4, 4, bidirectional=True), "runs in both directions"),
        (nn.LSTM(4, 4, proj_size=2), "projects its outputs"),
    ],
)
def test_what_cannot_be_modulated_inside_one_module_is_refused(layer, message):
    model = nn.ModuleDict({"front": nn.Linear(4, 4), "odd": layer, "head": nn.Linear(4, 2)})
    with pytest.raises(InputError, match=message):
        Grapes(model)
    with pytest.raises(InputError, match=message):
        Grapes(model, layers=["odd"])
    assert set(Grapes(model, exclude=["odd"]).factors()) == {"front"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "pickle"],
)
def test_a_copied_recurrent_model_stays_modulated(mode, again):
    model, x = Stack("gru"), sequence(torch.float32)
    Grapes(model, mode)
    other = again(model)
    for one in (model, other):
        one(x).square().sum().backward()
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one.grad, two.grad)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_untouched_and_after_detach_so_are_gradients(kind):
    plain, x = Stack(kind), sequence(torch.float32)
    treated = copy.deepcopy(plain)
    for mode in MODES:
        grapes = Grapes(treated, mode)
        assert torch.equal(treated(x), plain(x))
        grapes.detach()
    for model in (plain, treated):
        model(x).square().sum().backward()
    for one, other in zip(plain.parameters(), treated.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
