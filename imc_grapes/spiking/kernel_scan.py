"""The state over time by the fused kernel, as an operation that autograd can go back through: float32 on the CPU."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from imc_grapes.spiking.dynamics import Dynamics
from kernels import snu


class KernelScan(torch.autograd.Function):
    """All time steps in one operation of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        s0: Tensor,
        y0: Tensor,
        bias: Tensor,
        decay: Tensor,
        dynamics: Dynamics,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs and states of every step, and the last state again: only the last can send a gradient back."""
        layer = kernel_layer(bias, decay, dynamics)
        s, y = torch.empty_like(drive), torch.empty_like(drive)
        snu.forward(layer, *(array(x) for x in (drive, s0, y0, s, y)))
        ctx.save_for_backward(s, y, s0, y0, bias, decay)
        ctx.dynamics = dynamics
        ctx.mark_non_differentiable(s)
        return y, s, s[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, _: Tensor, ds_last: Tensor) -> tuple[Tensor | None, ...]:
        """Back through all steps."""
        s, y, s0, y0, bias, decay = ctx.saved_tensors
        layer = kernel_layer(bias, decay, ctx.dynamics)
        errors = new_errors(ds_last)
        da = torch.empty_like(s)
        before = array(s0), array(y0)
        snu.backward(layer, array(s), array(y), *before, array(dy), errors, array(da))
        return da, *gradients(errors), None


def suits_kernel(drive: Tensor) -> bool:
    """Whether the kernel can take `drive`."""
    return drive.device.type == "cpu" and drive.dtype == torch.float32


def array(tensor: Tensor) -> snu.Array:
    """The tensor's numbers for a kernel."""
    values: snu.Array = tensor.detach().contiguous().numpy()
    return values


def kernel_layer(bias: Tensor, decay: Tensor, dynamics: Dynamics) -> snu.Layer:
    """The layer as the kernel takes it."""
    return snu.Layer(
        array(bias),
        array(decay),
        dynamics.input_activation,
        dynamics.output_function,
        dynamics.lateral_inhibition,
    )


def new_errors(ds_last: Tensor) -> snu.Errors:
    """The errors behind the last step."""
    last = array(ds_last).copy()
    return snu.Errors(last, np.zeros_like(last), np.zeros_like(last), np.zeros_like(last))


def gradients(errors: snu.Errors) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of s0, y0, bias and decay, when the first step is passed."""
    to_s, to_y, to_bias, to_decay = (torch.from_numpy(error) for error in errors)
    return to_s, to_y, to_bias.sum(0), to_decay.sum(0)
