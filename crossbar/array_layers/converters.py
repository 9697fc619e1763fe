"""DAC and ADC in torch, on any device: straight-through in the backward direction.

The gradient passes a converter as if it were not there, except for values that it clips, which get none (as in
aihwkit's torch tiles). The scale of a vector counts as a constant.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from kernels.bulk_random import normals as bulk_normals
from kernels.random_streams import stream_key

_ROUNDING = 1.0 + 1e-6


class _StraightThrough(torch.autograd.Function):
    """The given value forwards; backwards the gradient where `inside`, and 0 elsewhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, inside: Tensor) -> Tensor:
        """Give the value in place of x."""
        ctx.save_for_backward(inside)
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Give the gradient of the value to x."""
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None, None


def straight_through(x: Tensor, value: Tensor, inside: Tensor) -> Tensor:
    """The given value, with the gradient of `x` where `inside`, and none elsewhere."""
    result: Tensor = _StraightThrough.apply(x, value, inside)  # type: ignore[no-untyped-call]
    return result


class Range(NamedTuple):
    """A converter: `step` 0 for infinitely many steps, `bound` infinity for no bound; numbers, or a tensor each."""

    step: Any
    bound: Any

    def convert(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """Quantise, clip, and add noise behind that: a DAC. NaN where a value of x is NaN or infinite."""
        with torch.no_grad():
            value = self._quantised(x)
            inside = self._inside(value)
            value = torch.clamp(value, min=-self.bound, max=self.bound) + x * 0.0
            if noise is not None:
                value = value + noise
        return straight_through(x, value, inside)

    def read(self, y: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """Add noise, quantise, and clip: an ADC. Returns what comes out, and where it was not clipped."""
        with torch.no_grad():
            value = self._quantised(y if noise is None else y + noise)
            unclipped = value.abs() <= self.bound
            inside = self._inside(value)
            value = torch.minimum(torch.maximum(value, -self.bound), self.bound)
        return straight_through(y, value, inside), unclipped

    def _inside(self, value: Tensor) -> Tensor:
        # The outermost step, a multiple of its width, may lie beyond the bound by a rounding error.
        inside: Tensor = value.abs() <= self.bound * _ROUNDING
        return inside

    def _quantised(self, x: Tensor) -> Tensor:
        if isinstance(self.step, Tensor):
            return x if not self.step.any() else torch.round(x / self.step) * self.step
        return x.clone() if self.step == 0.0 else torch.round(x / self.step) * self.step


def standard_normals(like: Tensor, key: int, *purpose: int | str, draw: int) -> Tensor:
    """Standard normals that depend on key, purpose and draw alone; on the CPU those of `kernels.random_streams`.

    Args:
        like: a tensor of the shape and on the device that they are for.
        key: of the layer.
        purpose: what they are for.
        draw: number of the event.
    """
    stream = stream_key(key, *purpose)
    if like.device.type == "cpu":
        return torch.from_numpy(bulk_normals(stream, like.numel(), draw)).view(like.shape)
    generator = torch.Generator(like.device)
    generator.manual_seed(int(stream_key(int(stream), draw)) >> 1)
    return torch.randn(like.shape, generator=generator, device=like.device)


def along_channels(values: Tensor, y: Tensor) -> Tensor:
    """A number per output node, `[n_out]`, in the shape that goes with `[batch, n_out, ...]`."""
    return values.view(1, -1, *(1 for _ in y.shape[2:]))
