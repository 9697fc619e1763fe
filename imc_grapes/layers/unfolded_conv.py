"""Convolutions as products with matrices, for the kinds that aihwkit's layers do not take."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from crossbar.unfolding import unfolded

AnyConv = nn.Conv1d | nn.Conv2d | nn.Conv3d


class UnfoldedConv(nn.Module):
    """A convolution in one to three dimensions, one linear layer per group on the unfolded input.

    Every position of the filter becomes an input vector of `in_channels / groups * area` numbers, as on a crossbar
    (Gokmen, Onen, Haensch, Front. Neurosci. 11, 538 (2017)). Grouped and depthwise convolutions take an array per
    group, since no weight connects them; every padding of torch is honoured.

    Args:
        conv: torch's module; its weights are copied.

    Example:
        >>> import torch
        >>> from imc_grapes.layers.unfolded_conv import UnfoldedConv
        >>> conv = torch.nn.Conv1d(4, 8, 3, padding="same", groups=2, dilation=2)
        >>> x = torch.randn(5, 4, 10)
        >>> bool(torch.allclose(UnfoldedConv(conv)(x), conv(x), atol=1e-6))
        True
    """

    def __init__(self, conv: AnyConv) -> None:
        super().__init__()
        self.kernel_size = tuple(conv.kernel_size)
        self.stride = tuple(conv.stride)
        self.dilation = tuple(conv.dilation)
        self.padding = tuple(conv._reversed_padding_repeated_twice)
        self.padding_mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
        self.in_channels = conv.in_channels
        self.out_channels = conv.out_channels
        self.parts = nn.ModuleList(_group(conv, index) for index in range(conv.groups))
        self.train(conv.training)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``[batch, in_channels, *size]``, or one sample of it, to ``[batch, out_channels, *size]``."""
        single = x.dim() == len(self.kernel_size) + 1
        patches = self._unfolded(x.unsqueeze(0) if single else x)
        lead = patches.shape[:-2]
        parts: Any = self.parts
        outputs = [
            layer(vectors.flatten(0, -2)).unflatten(0, lead)
            for layer, vectors in zip(parts, patches.unbind(-2), strict=True)
        ]
        joined = torch.cat(outputs, -1).movedim(-1, 1)
        return joined.squeeze(0) if single else joined

    def _unfolded(self, x: Tensor) -> Tensor:
        """``[batch, *positions, groups, inputs of a filter]``."""
        if any(self.padding):
            x = functional.pad(x, self.padding, mode=self.padding_mode)
        return unfolded(x, self.kernel_size, self.stride, self.dilation, len(self.parts))

    def extra_repr(self) -> str:
        """Sizes."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, groups={len(self.parts)}"
        )


def _group(conv: AnyConv, index: int) -> nn.Linear:
    per_group = conv.out_channels // conv.groups
    rows = slice(index * per_group, (index + 1) * per_group)
    weight = conv.weight.detach()[rows].flatten(1)
    layer = nn.Linear(weight.shape[1], per_group, bias=conv.bias is not None)
    layer.to(weight.device, weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if conv.bias is not None:
            layer.bias.copy_(conv.bias[rows])
            layer.bias.requires_grad_(conv.bias.requires_grad)
    layer.weight.requires_grad_(conv.weight.requires_grad)
    return layer
