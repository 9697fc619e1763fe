"""Every optimizer against its equations in float64, with the constants of the GRAPES authors' code."""

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from torch import nn

from crossbar import PCMConfig
from imc_grapes.config.schema import OptimizerConfig
from imc_grapes.training.optimizers import build_optimizer
from kernels.errors import InputError

LR = 0.05
STEPS = 5
START = np.array([[1.0, -2.0, 0.5]])
CURVATURE = np.array([[1.0, 0.3, 4.0]])


def gradient(weights):
    return CURVATURE * weights


def sgd():
    w = START
    for _ in range(STEPS):
        w = w - LR * gradient(w)
    return w


def momentum():
    w, v = START, 0.0
    for _ in range(STEPS):
        v = 0.9 * v - LR * gradient(w)
        w = w + v
    return w


def nag():
    """The gradient is taken at the look-ahead point, which is also what the network computes with."""
    w, v = START, 0.0
    for _ in range(STEPS):
        v = 0.9 * v - LR * gradient(w + 0.9 * v)
        w = w + v
    return w + 0.9 * v


def rmsprop():
    w, square = START, 0.0
    for _ in range(STEPS):
        g = gradient(w)
        square = 0.9 * square + 0.1 * g**2
        w = w - LR * g / (np.sqrt(square) + 1e-8)
    return w


def adam():
    w, mean, square = START, 0.0, 0.0
    for step in range(1, STEPS + 1):
        g = gradient(w)
        mean = 0.9 * mean + 0.1 * g
        square = 0.999 * square + 0.001 * g**2
        w = w - LR * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return w


@pytest.mark.parametrize("oracle", [sgd, momentum, nag, rmsprop, adam])
def test_weights_after_some_steps_follow_the_equations(oracle):
    layer = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(START))
    optimizer = build_optimizer(layer, OptimizerConfig(name=oracle.__name__, lr=LR))
    for _ in range(STEPS):
        optimizer.zero_grad()
        (torch.from_numpy(CURVATURE) * layer.weight**2 / 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(layer.weight.detach().numpy(), oracle(), rtol=1e-12)


@pytest.mark.parametrize(("size", "ratio"), [(1.0, 1.0), (1e-5, 1 / np.sqrt(1001.0))])
def test_rmsprop_is_the_authors_rule_for_large_gradients_alone(size, ratio):
    """Their epsilon stands inside the root: a first step of ``g / sqrt(0.1 g^2 + 1e-8)``."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    layer = nn.ParameterList([weight])
    weight.grad = torch.tensor([size], dtype=torch.float64)
    build_optimizer(layer, OptimizerConfig(name="rmsprop", lr=1.0)).step()
    authors = size / np.sqrt(0.1 * size**2 + 1e-8)
    np.testing.assert_allclose(authors / -weight.item(), ratio, rtol=1e-2)


TILE = {
    "device": {"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / 2**14},
    "io": "perfect",
    "seed": 0,
    "array": {"weight_range": 4.0},
}
NO_REFRESH = {"every_updates": None}


def on_tiles(update, n=2):
    torch.manual_seed(0)
    config = [
        PCMConfig(update=one, **TILE)
        for one in (update if isinstance(update, list) else [update] * n)
    ]
    return nn.Sequential(*(AnalogLinear(4, 4, bias=True, rpu_config=one) for one in config))


@pytest.mark.parametrize(
    ("constants", "oracle"),
    [
        ({"name": "momentum", "momentum": 0.5}, lambda p: torch.optim.SGD(p, LR, momentum=0.5)),
        (
            {"name": "nag", "momentum": 0.5},
            lambda p: torch.optim.SGD(p, LR, momentum=0.5, nesterov=True),
        ),
        (
            {"name": "rmsprop", "alpha": 0.5, "eps": 0.1},
            lambda p: torch.optim.RMSprop(p, LR, alpha=0.5, eps=0.1),
        ),
        (
            {"name": "adam", "betas": (0.5, 0.8), "eps": 0.1, "state_bits": 16},
            lambda p: torch.optim.Adam(p, LR, betas=(0.5, 0.8), eps=0.1),
        ),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_biases_beside_tiles_follow_the_constants_of_the_tiles(constants, oracle):
    update = {"kind": "accumulated", "max_pulses": 4096, "refresh": NO_REFRESH}
    model = on_tiles({**update, "optimizer": constants})
    digital = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    for theirs, ours in zip(digital, model, strict=True):
        weight, bias = ours.get_weights()
        with torch.no_grad():
            theirs.weight.copy_(weight)
            theirs.bias.copy_(bias)
    inputs = torch.randn(8, 4)
    optimizers = (
        build_optimizer(model, OptimizerConfig(name=constants["name"], lr=LR)),
        oracle(digital.parameters()),
    )
    for _ in range(STEPS):
        for network, optimizer in zip((model, digital), optimizers, strict=True):
            optimizer.zero_grad()
            network(inputs).square().mean().backward()
            optimizer.step()
    tolerance = 0.01 if "state_bits" in constants else 1e-3
    for theirs, ours in zip(digital, model, strict=True):
        weight, bias = ours.get_weights()
        torch.testing.assert_close(bias, theirs.bias.detach(), atol=tolerance, rtol=0)
        torch.testing.assert_close(weight, theirs.weight.detach(), atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("update", "name", "words"),
    [
        (
            {"kind": "accumulated", "optimizer": "adam"},
            "momentum",
            "must be that of the tiles, adam",
        ),
        ("pulsed", "momentum", "must be that of the tiles, sgd"),
        (
            [
                {"kind": "accumulated", "optimizer": {"name": "momentum", "momentum": mu}}
                for mu in (0.5, 0.9)
            ],
            "momentum",
            "differs between the tiles",
        ),
    ],
)
def test_a_rule_that_not_all_parameters_could_follow_is_refused(update, name, words):
    with pytest.raises(InputError, match=words):
        build_optimizer(on_tiles(update), OptimizerConfig(name=name))
