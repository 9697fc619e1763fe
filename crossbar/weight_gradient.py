"""The weight gradient of a tile, as torch and its users know gradients.

aihwkit's tiles keep the inputs and errors of every backward pass until an optimizer steps, and show no gradient: what
`zero_grad`, gradient clipping, loss scaling or a frozen weight ask for passes them by. Here the pairs are kept too,
since pulse trains are made of them, but `grad` is the sum of their outer products, whatever is done to it holds, and
a backward pass that does not ask for the weights leaves nothing behind.
"""

from typing import Any

import torch
from aihwkit.optim.context import AnalogContext
from aihwkit.simulator.tiles.functions import AnalogFunction
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.errors import InputError


class TileContext(AnalogContext):
    """What stands for a tile among the parameters of a model.

    Its `grad` [n_out, n_in], of the logical weights, is computed when it is first read; None where no backward pass
    is waiting for a step. Setting it to None, as `zero_grad` does, forgets what is waiting.
    """

    def reset(self, analog_tile: Any = None) -> None:
        """Forget what is waiting for a step; as in aihwkit, with another tile to stand for."""
        super().reset(analog_tile)
        self._gradient: Tensor | None = None
        self._summed = 0
        self._stepping = False

    @property
    def grad(self) -> Tensor | None:
        """The gradient that the next step applies; a change in place counts."""
        # While an optimizer steps, its own rule must find nothing: the tile carries out the update.
        if self._stepping or not self.has_gradient():
            return None
        kept = zip(self.analog_input, self.analog_grad_output, strict=True)
        new = list(kept)[self._summed :]
        if new:
            x, d = (torch.cat([_rows(part) for part in parts]) for parts in zip(*new, strict=True))
            gradient = self.analog_tile.weight_gradient(x, d)
            self._gradient = gradient if self._gradient is None else self._gradient.add_(gradient)
            self._summed = len(self.analog_input)
        return self._gradient

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        self.reset()
        if value is None:
            return
        shape = tuple(self._logical_shape())
        if tuple(value.shape) != shape:
            raise InputError(
                f"grad: must have the shape of the weights, {shape} (got {tuple(value.shape)})"
            )
        n_out, n_in = shape
        self.analog_input = [value.new_zeros(1, n_in)]
        self.analog_grad_output = [value.new_zeros(1, n_out)]
        self._gradient, self._summed = value, 1

    def begin_backward(self) -> None:
        """Before a backward pass leaves its pair here: what is over does not count in."""
        # A step that failed took its pairs along; zero_grad(set_to_none=False) leaves zeros.
        zeroed = self._summed == len(self.analog_input) and (
            self._gradient is not None and not self._gradient.any()
        )
        if self._stepping or zeroed:
            self.reset()

    def begin_step(self) -> None:
        """From here on to the end of the step, `grad` is None and `gradient_of_step` what was seen of it."""
        if self._gradient is not None and not self._stepping:
            self._gradient = self.grad
        self._stepping = self.has_gradient()

    @property
    def gradient_of_step(self) -> Tensor | None:
        """The gradient to apply, if anybody has looked at it; else the kept pairs say it."""
        return self._gradient if self._stepping else None


class TileFunction(AnalogFunction):
    """aihwkit's passes through a tile, with a backward pass that leaves errors only where weights are asked for.

    Attributes:
        leaves_errors: of the node, after its backward pass: whether it did.
    """

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """Errors at the outputs to errors at the inputs; a gradient of a gradient is refused by torch."""
        ctx.leaves_errors = _weights_are_asked_for(ctx)
        if ctx.leaves_errors:
            ctx.analog_ctx.begin_backward()
            gradients: tuple[Tensor | None, ...] = AnalogFunction.backward(ctx, grad_output)
            return gradients
        ctx.saved_analog_tensors = ctx.saved_tensors
        to_inputs = ctx.analog_tile.backward(grad_output, ctx)
        ctx.saved_analog_tensors = []
        return None, None, to_inputs, None, None


def _weights_are_asked_for(ctx: Any) -> bool:
    """Whether a digital layer's weight would get a gradient in the running backward pass.

    Not where it is frozen, nor where `torch.autograd.grad` or `backward(inputs=...)` ask for something else.
    """
    if not ctx.needs_input_grad[0]:
        return False
    return bool(torch._C._will_engine_execute_node(ctx.next_functions[0][0]))


def _rows(values: Tensor) -> Tensor:
    return values.reshape(-1, values.shape[-1])
