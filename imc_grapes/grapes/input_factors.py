"""The factors of a layer's inputs, which the rule for direct feedback alignment uses: sums over outgoing weights."""

import torch
from torch import Tensor, nn

from crossbar.importance import row_importance
from crossbar.placement import placed_tiles
from imc_grapes.grapes.factors import factors_of
from imc_grapes.grapes.used_weights import reduced_weights
from imc_grapes.layers.incoming_weights import is_analog


def input_factors(name: str, layer: nn.Module, low: float) -> Tensor:
    """``2 J_i / max_k J_k`` with ``J_i = sum_j |w_ji|`` over all nodes j that input i feeds.

    Args:
        name: the layer's name, for the error.
        layer: fully connected or convolutional, digital or analog.
        low: the factors are clipped from below at this.

    Returns:
        ``[n_in]``; of a convolution ``[in_channels]``, summed over all filters and places of a filter (*inferred*:
        there is no public code of direct feedback alignment for convolutions).

    Raises:
        NonFiniteWeightError: a weight or conductance is NaN or infinite.
    """
    if is_analog(layer):
        device = next(placed_tiles(layer)).tile.device
        importance = torch.from_numpy(row_importance(layer)).to(device)
    else:
        importance = reduced_weights(layer, "weight", _input_sums)
    return factors_of(name, importance.reshape(_n_inputs(layer), -1).sum(1), low)


def _input_sums(weights: Tensor) -> Tensor:
    return weights.abs().sum(0)


def _n_inputs(layer: nn.Module) -> int:
    found = getattr(layer, "in_channels", None) or getattr(layer, "in_features", None)
    return int(found)  # type: ignore[arg-type]
