"""Every optimizer against its equations in float64, with the constants of the GRAPES paper."""

import numpy as np
import pytest
import torch
from torch import nn

from imc_grapes.config.schema import OptimizerConfig
from imc_grapes.training.optimizers import build_optimizer

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
