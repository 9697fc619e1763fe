"""Training on the tile against what it should be: digital SGD, closed-form means, aihwkit's products."""

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear, AnalogLSTMCell, AnalogRNN
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType
from aihwkit.simulator.parameters.io import IOParameters
from aihwkit.simulator.tiles.analog_mvm import AnalogMVM
from torch import nn

from crossbar import PCMConfig, PCMTile
from crossbar.specs import IOSpec
from kernels.oracles.read_law import read_moments

FINE = {"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / 2**14}
"""1/2^14 of the range per pulse."""
IDEAL = {
    "device": FINE,
    "io": "perfect",
    "seed": 0,
    "array": {"weight_range": 2.0},
}
NO_REFRESH = {"every_updates": None}


def accumulated(**optimizer):
    spec = {"kind": "accumulated", "accumulator_bits": 16, "max_pulses": 4096}
    return {**spec, "refresh": NO_REFRESH, **({"optimizer": optimizer} if optimizer else {})}


def tiles_of(model):
    return [module for module in model.modules() if isinstance(module, PCMTile)]


class Lstm(nn.Module):
    """torch's own LSTM cell equations over linear layers that can be converted one by one."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.inputs = nn.Linear(n_in, 4 * n_hidden)
        self.recurrent = nn.Linear(n_hidden, 4 * n_hidden, bias=False)
        self.n_hidden = n_hidden

    def forward(self, sequence):
        h = c = torch.zeros(sequence.shape[1], self.n_hidden)
        outputs = []
        for x in sequence:
            i, f, g, o = (self.inputs(x) + self.recurrent(h)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs)


def networks(kind):
    if kind == "linear":
        return nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 3)), (16, 10), (16, 3)
    if kind == "conv":
        return nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh()), (6, 2, 7, 7), (6, 4, 5, 5)
    return Lstm(4, 6), (8, 5, 4), (8, 5, 6)


def weights_of(model):
    found = []
    for module in model.modules():
        if isinstance(module, PCMTile):
            found.append(module.get_weights()[0])
        elif isinstance(module, nn.Linear | nn.Conv2d) and isinstance(module.weight, torch.Tensor):
            found.append(module.weight.detach().reshape(module.weight.shape[0], -1))
    return found


@pytest.mark.parametrize("kind", ["linear", "conv", "lstm"])
def test_ideal_devices_train_like_digital_sgd(kind):
    torch.manual_seed(0)
    digital, inputs, outputs = networks(kind)
    analog = convert_to_analog(digital, PCMConfig(update=accumulated(), **IDEAL))
    assert len(tiles_of(analog)) == len(weights_of(digital))
    start = [w.clone() for w in weights_of(digital)]
    optimizers = [
        AnalogSGD(analog.parameters(), lr=0.5),
        torch.optim.SGD(digital.parameters(), lr=0.5),
    ]
    for _ in range(100):
        x, target = torch.randn(inputs), torch.randn(outputs)
        for model, optimizer in zip((analog, digital), optimizers, strict=True):
            optimizer.zero_grad()
            (model(x) - target).square().mean().backward()
            optimizer.step()
    for ours, theirs, before in zip(weights_of(analog), weights_of(digital), start, strict=True):
        assert (theirs - before).abs().max() > 0.05
        assert (ours - theirs).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("optimizer", "digital"),
    [
        ({"name": "momentum"}, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
        ({"name": "nag"}, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
        ({"name": "rmsprop"}, lambda p: torch.optim.RMSprop(p, lr=0.003, alpha=0.9, eps=1e-8)),
        ({"name": "adam"}, lambda p: torch.optim.Adam(p, lr=0.003)),
        ({"name": "adam", "state_bits": 16}, lambda p: torch.optim.Adam(p, lr=0.003)),
    ],
)
def test_the_optimizers_in_front_of_chi_are_those_of_torch(optimizer, digital):
    torch.manual_seed(0)
    layer = nn.Linear(10, 6, bias=False)
    analog = AnalogLinear.from_digital(layer, PCMConfig(update=accumulated(**optimizer), **IDEAL))
    theirs = digital(layer.parameters())
    ours = AnalogSGD(analog.parameters(), lr=theirs.param_groups[0]["lr"])
    start = layer.weight.detach().clone()
    for _ in range(100):
        x, target = torch.randn(16, 10), torch.randn(16, 6)
        for model, step in ((analog, ours), (layer, theirs)):
            step.zero_grad()
            (model(x) - target).square().mean().backward()
            step.step()
    moved = (layer.weight - start).abs().max()
    apart = (weights_of(analog)[0] - layer.weight).abs().max()
    assert moved > 0.1
    # bfloat16 keeps 8 bits of the moments.
    assert apart < (0.03 if optimizer.get("state_bits") == 16 else 1e-3)


def test_aihwkits_lstm_learns_a_sequence():
    torch.manual_seed(0)
    model = AnalogRNN(
        AnalogLSTMCell, 3, 12, bias=True, rpu_config=PCMConfig(update=accumulated(), **IDEAL)
    )
    optimizer = AnalogSGD(model.parameters(), lr=2.0)
    sequence = torch.rand(6, 10, 3)
    target = sequence.cumsum(dim=0).mean(dim=2, keepdim=True) / 6
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        out, _ = model(sequence)
        loss = (out.mean(dim=2, keepdim=True) - target).square().mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.2 * losses[0]


def mean_change(trains, factor, repeats=40_000, n_out=3, n_in=4):
    """Mean change of the weights by one pulsed update, from as many separate devices as repeats."""
    torch.manual_seed(5)
    x = torch.empty(8, n_in).uniform_(-1, 1)
    d = torch.randn(8, n_out)
    # Blocks of the same outputs side by side, so that one update is many repeats.
    blocks = 400 if trains == "summed" else 40  # whose row trains are shared
    config = PCMConfig(
        device={"model": "linear", "step_uS": 0.05},
        update={"kind": "pulsed", "trains": trains, "refresh": NO_REFRESH},
        io="perfect",
        seed=0,
    )
    tile = PCMTile(n_out * blocks, n_in, config)
    tile.set_learning_rate(0.004)
    total = np.zeros((n_out, n_in))
    for _ in range(repeats // blocks):
        tile.set_weights(torch.zeros(n_out * blocks, n_in))
        tile.update(x, (factor * d).repeat(1, blocks))
        total += tile.get_weights()[0].numpy().reshape(blocks, n_out, n_in).sum(axis=0)
    assert tile.counters["saturated"] == 0
    return total / repeats, -0.004 * (d.T @ x).numpy() * factor


@pytest.mark.parametrize("trains", ["summed", "per_sample"])
def test_a_pulsed_update_is_right_in_the_mean_and_follows_factors(trains):
    sizes = []
    for factor in (1.0, 1.5, 2.0):
        found, expected = mean_change(trains, factor)
        error = np.abs(found - expected).max() / np.abs(expected).max()
        assert error < 0.02
        plain = expected / factor
        sizes.append(np.sum(found * plain) / np.sum(np.square(plain)))
    assert sizes[1] / sizes[0] == pytest.approx(1.5, rel=0.03)
    assert sizes[2] / sizes[0] == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("trains", ["summed", "per_sample"])
def test_trains_hold_a_factor_of_two_on_large_errors(trains):
    # A learning rate times error of 0.1: where aihwkit's PCMPreset turns 1 / 1.5 / 2 into 1.07 / 1.16 / 1.28.
    changes = []
    for factor in (1.0, 1.5, 2.0):
        config = PCMConfig(
            device={"model": "linear", "step_uS": 0.25},
            update={"kind": "pulsed", "trains": trains, "refresh": NO_REFRESH},
            io="perfect",
            seed=0,
        )
        tile = PCMTile(100, 200, config)
        tile.set_learning_rate(0.1)
        tile.set_weights(torch.zeros(100, 200))
        tile.update(torch.ones(1, 200), torch.full((1, 100), factor))
        assert tile.counters["saturated"] == 0
        changes.append(-tile.get_weights()[0].mean().item())
    np.testing.assert_allclose(changes, [0.1, 0.15, 0.2], rtol=0.03)


@pytest.mark.parametrize("weight_range", [1.0, 0.5])
@pytest.mark.parametrize(
    "spec",
    [
        IOSpec(out_noise=0.0),
        IOSpec(out_noise=0.0, out_bound=1.0),
        IOSpec(out_noise=0.0, out_bound=1.0, noise_management="none", inp_bound=2.0),
        IOSpec(out_noise=0.0, bound_management="none", dac_bits=None, adc_bits=None),
        IOSpec(out_noise=0.0, dac_bits=3, adc_bits=4),
        IOSpec(perfect=True),
    ],
)
def test_products_without_noise_have_the_bits_of_aihwkits(spec, weight_range):
    torch.manual_seed(0)
    config = PCMConfig(io=spec, array={"weight_range": weight_range}, seed=0)
    tile = PCMTile(30, 50, config)
    tile.set_weights(torch.empty(30, 50).uniform_(-0.5, 0.5))
    weights = tile.get_weights()[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for x, trans, io in (
        (torch.randn(20, 50), False, config.forward),
        (torch.randn(20, 30), True, config.backward),
    ):
        expected = AnalogMVM.matmul(weights, x.clone(), io, trans)
        found = tile.tile.backward(x) if trans else tile.tile.forward(x)
        assert torch.equal(found, expected)
    torch.set_num_threads(threads)
    assert not tile.tile.forward(torch.zeros(3, 50)).any()


def test_the_noise_of_products_is_that_of_aihwkits():
    torch.manual_seed(0)
    config = PCMConfig(io=IOSpec(inp_noise=0.05, out_noise=0.06), seed=0)
    tile = PCMTile(30, 50, config)
    tile.set_weights(torch.empty(30, 50).uniform_(-0.5, 0.5))
    weights = tile.get_weights()[0]
    x = torch.randn(1, 50).repeat(4000, 1)
    ours, theirs = tile(x).detach(), AnalogMVM.matmul(weights, x.clone(), config.forward, False)
    torch.testing.assert_close(ours.mean(0), theirs.mean(0), atol=0.04, rtol=0.0)
    torch.testing.assert_close(ours.std(0), theirs.std(0), rtol=0.06, atol=0.0)
    again = tile(x).detach()
    assert not torch.equal(again, ours)


def test_aihwkits_own_parameters_are_taken():
    io = IOParameters(
        inp_res=-1.0,
        out_res=-1.0,
        out_bound=0.0,
        out_noise=0.0,
        bound_management=BoundManagementType.NONE,
        noise_management=NoiseManagementType.NONE,
        inp_bound=0.5,
    )
    tile = PCMTile(3, 4, PCMConfig(io=io, seed=0))
    tile.set_weights(torch.full((3, 4), 0.25))
    torch.testing.assert_close(tile(torch.ones(2, 4)), torch.full((2, 3), 0.5))
    # Changed on the fly, as aihwkit allows.
    tile.rpu_config.forward.inp_bound = 1.0
    torch.testing.assert_close(tile(torch.ones(2, 4)), torch.full((2, 3), 1.0))


def test_read_noise_adds_the_variance_of_every_device():
    torch.manual_seed(0)
    tile = PCMTile(20, 40, PCMConfig(io="perfect", read={"noise": True}, seed=0))
    tile.set_weights(torch.empty(20, 40).uniform_(-0.8, 0.8))
    x = torch.rand(1, 40)
    found = tile(x.repeat(20_000, 1)).detach()
    # A read is cut at 0 and at g_max, which takes much of the noise from devices at RESET.
    law = tile.tile.devices.model.read_law
    both = sum(read_moments(g.astype(float), law)[1] for g in (tile.g_plus, tile.g_minus))
    both /= 11.9**2
    variance = both @ np.square(x.numpy()[0])
    np.testing.assert_allclose(found.std(0).numpy(), np.sqrt(variance), rtol=0.03)
    backwards = tile.tile.backward(torch.ones(20_000, 20))
    variance = both.sum(axis=0)
    np.testing.assert_allclose(backwards.std(0).numpy(), np.sqrt(variance), rtol=0.03)


def test_devices_drift_while_training_by_the_time_since_their_last_pulse():
    device = {"model": "nandakumar2018", "drift_nu_std": 0.0}
    config = PCMConfig(device=device, io="perfect", read={"seconds_per_update": 38.6}, seed=0)
    tile = PCMTile(1, 2, config)
    tile.set_weights(torch.tensor([[0.5, 0.5]]))
    fresh = tile(torch.eye(2)).detach()[:, 0]
    np.testing.assert_allclose(fresh, [0.5, 0.5], atol=1e-5)
    tile.set_learning_rate(1e-9)
    for _ in range(9):
        tile.update(torch.ones(1, 2), torch.ones(1, 1))
    aged = tile(torch.eye(2)).detach()[:, 0]
    # Ten updates' time after the write; G- at RESET drifts too.
    np.testing.assert_allclose(aged, [0.5 * 10**-0.04] * 2, rtol=1e-4)
    tile.set_learning_rate(0.04 * 2)
    tile.update(torch.tensor([[-1.0, 0.0]]), torch.ones(1, 1))
    if tile.counters["pulses"]:
        ratio = tile(torch.eye(2)).detach()[:, 0]
        assert ratio[1] == pytest.approx(0.5 * 11**-0.04, rel=1e-4)


@pytest.mark.parametrize("kind", [AnalogLinear, AnalogConv2d])
def test_an_input_that_needs_no_gradient_costs_no_backward_product(kind):
    layer = (
        AnalogLinear(6, 4, bias=False, rpu_config=PCMConfig(seed=0))
        if kind is AnalogLinear
        else AnalogConv2d(1, 2, 3, bias=False, rpu_config=PCMConfig(seed=0))
    )
    x = torch.rand(2, 6) if kind is AnalogLinear else torch.rand(2, 1, 5, 5)
    tile = tiles_of(layer)[0].tile
    layer(x).sum().backward()
    assert tile.reads == 1
    layer(x.requires_grad_()).sum().backward()
    assert tile.reads == 3
