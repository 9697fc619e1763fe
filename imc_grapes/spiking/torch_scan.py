"""The state over time in torch operations, step by step: for devices and number types that the kernel does not take."""

import math
from typing import Any

import torch
from torch import Tensor

from imc_grapes.spiking.dynamics import Dynamics
from kernels.snu import LEAK, InputActivation, OutputFunction


def torch_scan(
    drive: Tensor, s0: Tensor, y0: Tensor, bias: Tensor, decay: Tensor, dynamics: Dynamics
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as `KernelScan`, arguments and results included."""
    s, y = s0, y0
    states, outputs = [], []
    for a in drive:
        reset = y.amax(1, keepdim=True) if dynamics.lateral_inhibition else y
        s = _bounded(a + decay * s * (1.0 - reset), dynamics.input_activation)
        y = _output(s + bias, dynamics.output_function)
        states.append(s)
        outputs.append(y)
    return torch.stack(outputs), torch.stack(states).detach(), s


def _bounded(potential: Tensor, function: InputActivation) -> Tensor:
    if function is InputActivation.IDENTITY:
        return potential
    below = LEAK if function is InputActivation.LEAKY_RELU else 0.0
    return torch.where(potential < 0, below * potential, potential)


def _output(z: Tensor, function: OutputFunction) -> Tensor:
    if function is OutputFunction.SIGMOID:
        return z.sigmoid()
    stepped: Tensor = _Step.apply(z, function)  # type: ignore[no-untyped-call]
    return stepped


class _Step(torch.autograd.Function):
    """1 where z > 0; back through it goes the pseudo-derivative."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, function: OutputFunction) -> Tensor:
        ctx.save_for_backward(z)
        ctx.function = function
        return (z > 0).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return error * _SLOPES[ctx.function](z), None


_SLOPES = {
    OutputFunction.STEP_TANH: lambda z: 1.0 - z.tanh() ** 2,
    OutputFunction.STEP_TRIANGLE: lambda z: (1.0 - z.abs()).clamp(min=0.0),
    OutputFunction.STEP_FAST_SIGMOID: lambda z: 1.0 / (1.0 + z.abs()) ** 2,
    OutputFunction.STEP_ARCTAN: lambda z: 1.0 / (1.0 + (math.pi * z) ** 2),
}
