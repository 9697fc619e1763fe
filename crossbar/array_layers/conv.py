"""Convolutions on arrays."""

from torch import nn

from crossbar.array_layers.layer import ArrayLayer
from crossbar.pcm_config import PCMConfig


class _ArrayConv(ArrayLayer, nn.Module):
    """`nn.Conv1d/2d/3d` whose float weights are trained in the computer and programmed into arrays once.

    Args:
        digital: torch's layer; its weights are copied.
        config: with ``update: software``.
    """

    def __init__(self, digital: nn.Conv1d | nn.Conv2d | nn.Conv3d, config: PCMConfig) -> None:
        self._take_over(digital, config, digital.groups)


class ArrayConv1d(_ArrayConv, nn.Conv1d):
    """A convolution in one dimension."""


class ArrayConv2d(_ArrayConv, nn.Conv2d):
    """A convolution in two dimensions."""


class ArrayConv3d(_ArrayConv, nn.Conv3d):
    """A convolution in three dimensions."""
