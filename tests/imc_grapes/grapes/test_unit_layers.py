"""GRAPES on layers of spiking units against a float64 reference written from the equations."""

import copy

import numpy as np
import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import FloatingPointRPUConfig
from torch import nn

from imc_grapes import SNU, Grapes, InputError, sSNU
from kernels.oracles import snu as oracle
from kernels.oracles.importance import modulation_factors

STEPS, BATCH, INPUTS, UNITS, OUTPUTS = 30, 3, 5, 8, 4


class Network(nn.Module):
    def __init__(self, recurrent=True):
        super().__init__()
        torch.manual_seed(4)
        self.spiking = SNU(INPUTS, UNITS, recurrent=recurrent, train_decay=True)
        per_unit = torch.full((UNITS,), 0.6)
        self.soft = sSNU(UNITS, UNITS, per_unit, recurrent=recurrent, train_decay=True)
        self.readout = nn.Linear(UNITS, OUTPUTS, bias=False)

    def forward(self, x):
        outputs, _ = self.spiking(x)
        outputs, _ = self.soft(outputs)
        return self.readout(outputs)


def sequence():
    return 3 * torch.rand(STEPS, BATCH, INPUTS, generator=torch.Generator().manual_seed(7))


def exact(tensor):
    return tensor.detach().numpy().astype(np.float64)


def unit(layer):
    return oracle.Unit(
        weights=exact(layer.weight_ih),
        recurrent=None if layer.weight_hh is None else exact(layer.weight_hh),
        bias=exact(layer.bias),
        decay=np.broadcast_to(exact(layer.decay), UNITS).copy(),
        output="tanh" if isinstance(layer, SNU) else "sigmoid",
    )


def reference_factors(layer, mode):
    of = unit(layer)
    importance = np.abs(of.weights).sum(1)
    if of.recurrent is not None:
        importance = importance + np.abs(of.recurrent).sum(1)
    factors = np.clip(modulation_factors(importance), 1.0, 2.0)
    return np.full_like(factors, factors.mean()) if mode == "lr_matched" else factors


def reference_gradients(network, x, mode):
    """Of the sum of squared outputs: name of the layer to the oracle's gradients."""
    layers = {"spiking": network.spiking, "soft": network.soft}
    zeros = np.zeros((BATCH, UNITS))
    signals = [exact(x)]
    for layer in layers.values():
        signals.append(oracle.forward(unit(layer), signals[-1], zeros, zeros)[1])
    weights = exact(network.readout.weight)
    error = 2 * signals[-1] @ weights.T @ weights
    found = {}
    for name, signal in (("soft", signals[1]), ("spiking", signals[0])):
        factors = reference_factors(layers[name], mode)
        outside = error if mode == "local" else error * factors
        gradients = oracle.backward(unit(layers[name]), signal, zeros, zeros, outside, zeros)
        error = gradients.x
        found[name] = (gradients, factors if mode == "local" else np.ones(UNITS))
    return found


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
def test_gradients_equal_the_reference(mode, recurrent):
    network, x = Network(recurrent), sequence()
    Grapes(network, mode)
    network(x).square().sum().backward()
    for name, (gradients, rows) in reference_gradients(network, x, mode).items():
        layer = getattr(network, name)
        pairs = [
            (layer.linear_ih.weight.grad, gradients.weights * rows[:, None]),
            (layer.bias.grad, gradients.bias * rows),
        ]
        if recurrent:
            pairs.append((layer.linear_hh.weight.grad, gradients.recurrent * rows[:, None]))
        if layer.decay.numel() == UNITS:
            pairs.append((layer.decay.grad, gradients.decay * rows))
        for gradient, expected in pairs:
            np.testing.assert_allclose(
                exact(gradient), expected, rtol=2e-3, atol=1e-4 * np.abs(expected).max()
            )


def test_factors_count_input_and_recurrent_weights_together():
    network = Network()
    factors = Grapes(network).factors()
    assert set(factors) == {"spiking", "soft"}
    for name, found in factors.items():
        expected = reference_factors(getattr(network, name), "propagating")
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_recurrent_weights_alone_can_make_a_unit_the_most_important():
    network = Network()
    grapes = Grapes(network)
    with torch.no_grad():
        network.spiking.linear_hh.weight[3] = 100.0
    assert int(grapes.factors()["spiking"].argmax()) == 3


@pytest.mark.parametrize("mode", ["propagating", "local"])
def test_on_tiles_it_is_the_same(mode):
    digital, x = Network(), sequence()
    analog = convert_to_analog(digital, FloatingPointRPUConfig())
    Grapes(digital, mode)
    Grapes(analog, mode)
    digital(x).square().sum().backward()
    analog(x).square().sum().backward()
    for name in ("spiking", "soft"):
        torch.testing.assert_close(
            getattr(analog, name).bias.grad, getattr(digital, name).bias.grad, rtol=1e-3, atol=1e-2
        )


def test_the_last_layer_of_units_takes_no_part_and_parts_of_a_layer_are_not_layers():
    stack = nn.ModuleList([SNU(4, 5), SNU(5, 3)])
    assert set(Grapes(stack).factors()) == {"0"}
    with pytest.raises(InputError, match=r"'0\.linear_ih' is a Linear"):
        Grapes(stack, layers=["0.linear_ih"])


def test_detach_leaves_the_plain_gradients():
    plain, x = Network(), sequence()
    treated = copy.deepcopy(plain)
    for mode in ("propagating", "local"):
        Grapes(treated, mode).detach()
    for network in (plain, treated):
        network(x).square().sum().backward()
    for one, other in zip(plain.parameters(), treated.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
