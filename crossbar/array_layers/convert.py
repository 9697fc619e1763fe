"""From a digital layer to the same layer on arrays."""

from typing import Any

from torch import nn

from crossbar.array_layers.conv import ArrayConv1d, ArrayConv2d, ArrayConv3d
from crossbar.array_layers.layer import ArrayLayer
from crossbar.array_layers.linear import ArrayLinear
from crossbar.pcm_config import PCMConfig

_KINDS = {
    nn.Linear: ArrayLinear,
    nn.Conv1d: ArrayConv1d,
    nn.Conv2d: ArrayConv2d,
    nn.Conv3d: ArrayConv3d,
}


def array_layer(name: str, digital: Any, config: PCMConfig) -> ArrayLayer:
    """A digital layer's weights on arrays, for training in software.

    Args:
        name: of the layer, for messages.
        digital: `nn.Linear`, `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d` with weights in float32, which are copied.
        config: with ``update: software``.
    """
    made: Any = next(own for kind, own in _KINDS.items() if isinstance(digital, kind))
    layer: ArrayLayer = made(digital, config, name)
    return layer
