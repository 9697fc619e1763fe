"""The state over time of a recurrent layer whose weights are digital: a matrix product and the kernel in every step.

One operation of autograd for the whole sequence, since its bookkeeping for every step costs more than the step.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from imc_grapes.spiking.dynamics import Dynamics
from imc_grapes.spiking.kernel_scan import array, gradients, kernel_layer, new_errors
from kernels import snu


class RecurrentScan(torch.autograd.Function):
    """As `KernelScan`, with the recurrent weights ``[units, units]`` beside bias and decay."""

    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        s0: Tensor,
        y0: Tensor,
        bias: Tensor,
        decay: Tensor,
        weights: Tensor,
        dynamics: Dynamics,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs and states of every step, and the last state again."""
        layer = kernel_layer(bias, decay, dynamics)
        total, s, y = drive.clone(), torch.empty_like(drive), torch.empty_like(drive)
        totals, states, outputs = array(total), array(s), array(y)
        s_before, y_before, fed_back = array(s0), array(y0), y0
        transposed = weights.t()
        for t in range(len(drive)):
            total[t].addmm_(fed_back, transposed)
            step = slice(t, t + 1)
            snu.forward(layer, totals[step], s_before, y_before, states[step], outputs[step])
            s_before, y_before, fed_back = states[t], outputs[t], y[t]
        ctx.save_for_backward(s, y, s0, y0, bias, decay, weights)
        ctx.dynamics = dynamics
        ctx.mark_non_differentiable(s)
        return y, s, s[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, _: Tensor, ds_last: Tensor) -> tuple[Tensor | None, ...]:
        """Back through all steps; what enters a unit through H is sent back along H at each."""
        s, y, s0, y0, bias, decay, weights = ctx.saved_tensors
        layer = kernel_layer(bias, decay, ctx.dynamics)
        errors = new_errors(ds_last)
        to_y = torch.from_numpy(errors.y)
        da = torch.empty_like(s)
        into, states, outputs, outside = array(da), array(s), array(y), array(dy)
        for t in reversed(range(len(s))):
            s_before, y_before = (states[t - 1], outputs[t - 1]) if t else (array(s0), array(y0))
            step = slice(t, t + 1)
            snu.backward(
                layer, states[step], outputs[step], s_before, y_before, outside[step], errors, into[step]
            )  # fmt: skip
            to_y.addmm_(da[t], weights)
        fed_back = torch.cat((y0.unsqueeze(0), y[:-1]))
        to_weights = da.flatten(0, 1).t() @ fed_back.flatten(0, 1)
        return da, *gradients(errors), to_weights, None
