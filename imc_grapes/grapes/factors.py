"""The modulation factors of one layer, from its weights or its crossbars as they are at this moment."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from crossbar.array_layers import is_array_layer
from crossbar.placement import placed_tiles
from crossbar.readout import PerDevice, Readout
from crossbar.readout.layer import read_importance
from imc_grapes.grapes.used_weights import reduced_weights
from imc_grapes.layers.incoming_weights import (
    incoming_weights,
    is_analog,
    per_node,
    weight_names,
)
from kernels.errors import InputError
from kernels.importance import modulation_factors, per_weight

EXACT = PerDevice()


class NonFiniteWeightError(ValueError):
    """A weight or a conductance is NaN or infinite: the training has diverged."""


def layer_factors(
    name: str, layer: nn.Module, readout: Readout = EXACT, draw: int = 0, low: float = 1.0
) -> Tensor:
    """GRAPES factors of one layer.

    Args:
        name: the layer's name, for the error.
        layer: a weight layer, digital or analog, or a recurrent layer: the importance of a unit counts its input and
            recurrent weights together, and those of all its gates: four rows of either for an LSTM, three for a
            GRU (*inferred*: the paper reports recurrent networks, but no code of them is public).
        readout: the circuit that reads the importance of nodes on a crossbar.
        draw: number of the reading, which fixes the noise of the readout.
        low: the factors are clipped from below at this: 0 for no clipping.

    Returns:
        ``[n_out]`` on the device of the layer's weights, in their floating-point type.

    Raises:
        NonFiniteWeightError: a weight or conductance is NaN or infinite.
    """
    parts = [
        _importance(part, readout, draw, f"{name}.{index}")
        for index, part in enumerate(incoming_weights(layer))
    ]
    rows = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
    importance = per_node(rows, layer)
    return factors_of(name, importance, low)


def factors_of(name: str, importance: Tensor, low: float) -> Tensor:
    """``clip(2 I / max I, low, 2)`` for the importance ``[n]`` of a layer's nodes, or inputs.

    Raises:
        NonFiniteWeightError: an importance is NaN or infinite; the message names the layer.
        InputError: there are no nodes, or no numbers, as on the meta device.
    """
    if importance.is_meta or not importance.numel():
        what = "lies on the meta device" if importance.is_meta else "has no nodes"
        raise InputError(f"layer '{name}' {what}, so there are no weights to read")
    _check_finite(name, importance)
    if importance.device.type == "cpu" and importance.dtype == torch.float32:
        return torch.from_numpy(modulation_factors(importance.numpy(), low))
    largest = importance.max()
    ratio = torch.where(largest > 0, importance / largest, 0.5)
    return (2.0 * ratio).clamp(low, 2.0)


def _importance(layer: nn.Module, readout: Readout, draw: int, name: str) -> Tensor:
    """``sum_i |w_ji|`` of every row of the weight matrix."""
    on_arrays = is_array_layer(layer)
    if is_analog(layer) or (on_arrays and not readout.is_exact):
        device: Any = layer.weight.device if on_arrays else next(placed_tiles(layer)).tile.device
        return torch.from_numpy(read_importance(layer, readout, draw, name)).to(device)
    sums = [reduced_weights(layer, kind, _row_sums) for kind in weight_names(layer)]
    return torch.stack(sums).sum(0) if len(sums) > 1 else sums[0]


def _row_sums(weights: Tensor) -> Tensor:
    matrix = weights.flatten(1)
    if matrix.device.type == "cpu" and matrix.dtype == torch.float32:
        return torch.from_numpy(per_weight(matrix.numpy()))
    return matrix.abs().sum(1)


def _check_finite(name: str, importance: Tensor) -> None:
    # This runs at every update, and one sum tells at once that nothing is wrong.
    if math.isfinite(float(importance.sum())) or bool(importance.isfinite().all()):
        return
    nodes = (~importance.isfinite()).nonzero().flatten().tolist()
    raise NonFiniteWeightError(
        f"layer '{name}': a weight or conductance of node {nodes[0]} is NaN or infinite "
        f"({len(nodes)} of {importance.numel()} nodes affected); a smaller learning rate usually helps"
    )
