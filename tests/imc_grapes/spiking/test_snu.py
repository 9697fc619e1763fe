"""Layers of spiking and soft units against the float64 oracle, through every path that computes them."""

import numpy as np
import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import FloatingPointRPUConfig
from torch import nn

from imc_grapes import SNU, InputError, sSNU
from imc_grapes.spiking import SNUState
from kernels.oracles import snu as oracle

STEPS, BATCH, INPUTS, UNITS = 30, 4, 6, 9


def _sequence(seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(STEPS, BATCH, INPUTS, generator=generator, dtype=dtype)


def _layer(cls, **options):
    layer = cls(INPUTS, UNITS, **options)
    layer.reset_parameters(torch.Generator().manual_seed(1))
    return layer


def _exact(tensor):
    return tensor.detach().numpy().astype(np.float64)


def _reference(layer):
    return oracle.Unit(
        weights=_exact(layer.weight_ih),
        recurrent=None if layer.weight_hh is None else _exact(layer.weight_hh),
        bias=_exact(layer.bias),
        decay=np.broadcast_to(_exact(layer.decay), UNITS).copy(),
        input_activation=layer.dynamics.input_activation.name.lower(),
        output=layer.dynamics.output_function.name.lower().removeprefix("step_"),
        lateral_inhibition=layer.dynamics.lateral_inhibition,
    )


def _first_state(dtype=torch.float32):
    generator = torch.Generator().manual_seed(2)
    s = torch.randn(BATCH, UNITS, generator=generator, dtype=dtype)
    return SNUState(s, (s > 0.3).to(dtype))


def _check_against_oracle(layer, dtype, rtol):
    x, state = _sequence(dtype=dtype).requires_grad_(), _first_state(dtype)
    for part in state:
        part.requires_grad_()
    outputs, states, last = layer.trace(x, state)
    generator = torch.Generator().manual_seed(3)
    dy = torch.randn(outputs.shape, generator=generator, dtype=dtype)
    ds = torch.randn(last.s.shape, generator=generator, dtype=dtype)
    ((outputs * dy).sum() + (last.s * ds).sum()).backward()

    unit = _reference(layer)
    exact = [_exact(v) for v in (x, *state)]
    s, y = oracle.forward(unit, *exact)
    gradients = oracle.backward(unit, *exact, _exact(dy), _exact(ds))
    assert 0.05 < y.mean() < 0.95
    pairs = [
        (states, s),
        (outputs, y),
        (last.s, s[-1]),
        (last.y, y[-1]),
        (x.grad, gradients.x),
        (state.s.grad, gradients.s0),
        (state.y.grad, gradients.y0),
        (layer.linear_ih.weight.grad, gradients.weights),
        (layer.bias.grad, gradients.bias),
    ]
    if layer.recurrent:
        pairs.append((layer.linear_hh.weight.grad, gradients.recurrent))
    if isinstance(layer.decay, nn.Parameter):
        decay = gradients.decay if layer.decay.numel() > 1 else gradients.decay.sum(keepdims=True)
        pairs.append((layer.decay.grad, decay))
    for found, expected in pairs:
        tolerance = rtol * np.abs(expected).max()
        np.testing.assert_allclose(_exact(found), expected, rtol=rtol, atol=tolerance)


VARIANTS = [
    (SNU, {}),
    (SNU, {"decay": torch.linspace(0.2, 1.0, UNITS), "train_decay": True}),
    (SNU, {"input_activation": "leaky_relu", "pseudo_derivative": "triangle"}),
    (SNU, {"lateral_inhibition": True, "train_decay": True}),
    (sSNU, {}),
    (sSNU, {"train_decay": True, "input_activation": "relu"}),
]


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_fused_kernel_equals_the_oracle_through_thirty_steps(cls, options, recurrent):
    _check_against_oracle(_layer(cls, recurrent=recurrent, **options), torch.float32, rtol=2e-4)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_torch_operations_equal_the_oracle_to_float64(cls, options, recurrent):
    layer = _layer(cls, recurrent=recurrent, **options).double()
    _check_against_oracle(layer, torch.float64, rtol=1e-10)


@pytest.mark.parametrize("cls", [SNU, sSNU])
@pytest.mark.parametrize("recurrent", [False, True])
def test_a_layer_on_tiles_computes_what_it_computed_before(cls, recurrent):
    layer = _layer(cls, recurrent=recurrent)
    x = _sequence()
    expected, state = layer(x)
    expected.sum().backward()
    analog = convert_to_analog(layer, FloatingPointRPUConfig())
    found, analog_state = analog(x)
    found.sum().backward()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(analog_state.s, state.s, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(analog.weight_ih, layer.weight_ih.detach())
    torch.testing.assert_close(analog.bias.grad, layer.bias.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_sequence_in_two_parts_is_the_sequence(recurrent):
    layer = _layer(SNU, recurrent=recurrent)
    x = _sequence()
    whole, last = layer(x)
    first, state = layer(x[:11])
    second, state = layer(x[11:], state)
    assert torch.equal(torch.cat((first, second)), whole)
    assert torch.equal(state.s, last.s)


def test_batch_first_only_turns_the_axes():
    layer, turned = _layer(SNU), _layer(SNU, batch_first=True)
    x = _sequence()
    expected, state = layer(x)
    found, turned_state = turned(x.transpose(0, 1))
    assert torch.equal(found.transpose(0, 1), expected)
    assert torch.equal(turned_state.s, state.s)


def test_shapes_defaults_and_threshold():
    layer = SNU(3, 5)
    assert layer.weight_ih.shape == (5, 3)
    assert layer.weight_hh is None
    assert SNU(3, 5, recurrent=True).weight_hh.shape == (5, 5)
    assert torch.equal(layer.bias, torch.full((5,), -1.0))
    assert layer.decay.item() == pytest.approx(0.8)
    with torch.no_grad():
        layer.linear_ih.weight.fill_(1.0)
    silent, _ = layer(torch.tensor([[[0.5, 0.5, 0.0]]]))
    assert silent.sum() == 0.0
    firing, _ = layer(torch.tensor([[[0.5, 0.5, 1e-6]]]))
    assert firing.sum() == 5.0


def test_a_layer_can_be_saved_and_loaded():
    layer, other = _layer(sSNU, recurrent=True), sSNU(INPUTS, UNITS, recurrent=True)
    other.load_state_dict(layer.state_dict())
    x = _sequence()
    assert torch.equal(other(x)[0], layer(x)[0])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(7, 4, 5), r"axis 2 \(features\) has 5 entries, but the layer takes 6"),
        (torch.zeros(6, 4, 7), r"axis 0 \(time\) has 6: features must come last"),
        (torch.zeros(7, 6, 5), r"axis 1 \(batch\) has 6: features must come last"),
        (torch.zeros(0, 4, 6), r"axis 0 \(time\) is empty"),
        (torch.zeros(7, 0, 6), r"axis 1 \(batch\) is empty"),
        (torch.zeros(7, 6), r"\[time, batch, features\], not the shape \(7, 6\)"),
        (torch.zeros(7, 4, 6, dtype=torch.int64), "floating point"),
    ],
)
def test_a_bad_sequence_is_an_error_that_names_the_axis(x, message):
    with pytest.raises(InputError, match=message):
        SNU(6, 9)(x)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("recurrent", [False, True])
def test_non_finite_numbers_are_found_and_placed(bad, recurrent):
    x = _sequence()
    x[3, 2, 5] = bad
    with pytest.raises(InputError, match="at time 3, batch 2, features 5"):
        _layer(SNU, recurrent=recurrent)(x)
    with pytest.raises(InputError, match="at batch 2, time 3, features 5"):
        _layer(SNU, recurrent=recurrent, batch_first=True)(x.transpose(0, 1))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("activation", ["identity", "leaky_relu", "relu"])
@pytest.mark.parametrize("recurrent", [False, True])
def test_no_input_activation_hides_them(bad, activation, recurrent):
    layer = _layer(SNU, recurrent=recurrent, input_activation=activation)
    with torch.no_grad():
        layer.linear_ih.weight[:, 5] = -1.0
    x = _sequence()
    x[3, 2, 5] = bad
    with pytest.raises(InputError, match=r"^x: is .* at time 3, batch 2, features 5"):
        layer(x)
    s, y = torch.zeros(2, 4, UNITS)
    s[1, 4] = bad
    with pytest.raises(InputError, match=r"^state\.s: is .* at batch 1, unit 4"):
        layer(_sequence(), SNUState(s, y))


def test_swapped_time_and_batch_are_found_by_the_state():
    layer = _layer(SNU)
    _, state = layer(_sequence())
    with pytest.raises(InputError, match="time and batch of x look swapped"):
        layer(_sequence().transpose(0, 1), state)
    with pytest.raises(InputError, match="state: s must be"):
        layer(_sequence()[:, :3], state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 0}, "hidden_size: must be at least 1"),
        ({"decay": 1.5}, r"decay: must lie in \[0, 1\]"),
        ({"decay": torch.zeros(3)}, r"one per unit, \[9\]"),
        ({"input_activation": "gelu"}, "'gelu' is not one of identity, leaky_relu, relu"),
        ({"pseudo_derivative": "box"}, "'box' is not one of tanh"),
    ],
)
def test_bad_options_are_errors_that_name_the_key(options, message):
    with pytest.raises(InputError, match=message):
        SNU(**{"input_size": 6, "hidden_size": 9, **options})
