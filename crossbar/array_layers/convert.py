"""From a digital layer to the same layer on arrays."""

from typing import Any

import torch
from torch import nn

from crossbar.array_layers.conv import ArrayConv1d, ArrayConv2d, ArrayConv3d
from crossbar.array_layers.layer import ArrayLayer
from crossbar.array_layers.linear import ArrayLinear
from crossbar.pcm_config import PCMConfig
from kernels.errors import InputError

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
        digital: `nn.Linear`, `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d`, float32; its weights are copied.
        config: with ``update: software``.

    Raises:
        InputError: the layer has no weights, lies on the meta device, or is not float32.
    """
    if digital.weight.is_meta:
        raise InputError(
            f"layer '{name}' lies on the meta device, where there are no weights to put on arrays; give the model "
            "memory first (to_empty, then its weights)"
        )
    if not digital.weight.numel():
        raise InputError(
            f"layer '{name}' has no weights (its shape is {tuple(digital.weight.shape)}); leave it digital"
        )
    if digital.weight.dtype != torch.float32:
        raise InputError(
            f"layer '{name}' is in {str(digital.weight.dtype).removeprefix('torch.')}; arrays take float32"
        )
    made: Any = next(own for kind, own in _KINDS.items() if isinstance(digital, kind))
    layer: ArrayLayer = made(digital, config, name)
    return layer
