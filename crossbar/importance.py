"""Node importance of a layer that lies on crossbars.

Each tile gives the partial sum of its rows; the partial sums of a column are added before anyone looks for the
maximum, which is over the whole layer.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from crossbar.placement import placed_tiles
from kernels.importance import per_device, per_weight
from kernels.shared_synapse_importance import per_synapse

Vector = npt.NDArray[np.float32]


def column_importance(layer: Any) -> Vector:
    """Exact importance of each output node, ``sum_i |w_ji|`` over all its tiles.

    Digital output scales are known to the periphery and multiply the column's sum.

    Args:
        layer: an analog layer of aihwkit, whatever its tile.

    Returns:
        ``[n_out]`` float32, in units of the weights.
    """
    importance = np.zeros(layer.analog_module.out_size, np.float32)
    for placed in placed_tiles(layer):
        partial = _tile_importance(placed.tile)
        scales = _output_scales(placed.tile)
        if scales is not None:
            partial = partial * scales
        importance[placed.columns] += partial
    return importance


def row_importance(layer: Any) -> Vector:
    """Exact importance of each input, ``sum_j |w_ji|`` over all tiles that it drives.

    Args:
        layer: an analog layer of aihwkit, whatever its tile.

    Returns:
        ``[n_in]`` float32, in units of the weights; of a convolution one per entry of a filter.
    """
    importance = np.zeros(layer.analog_module.in_size, np.float32)
    for placed in placed_tiles(layer):
        weights = np.abs(_tile_weights(placed.tile))
        scales = _output_scales(placed.tile)
        importance[placed.rows] += weights.sum(0) if scales is None else scales @ weights
    return importance


def _tile_weights(tile: Any) -> npt.NDArray[np.float32]:
    """The weights ``[n_out, n_in]`` of a tile, without its output scales and its bias."""
    if hasattr(tile, "g_plus"):
        difference = tile.g_plus - tile.g_minus
        pairs = difference if difference.ndim == 2 else difference.sum(0)
        weights = pairs * np.float32(tile.tile.devices.weight_per_uS)
    elif tile.shared_weights is not None and not tile.shared_weights.is_cuda:
        weights = tile.shared_weights.detach().numpy()
    else:
        weights = tile.tile.get_weights().detach().cpu().numpy()
    return np.asarray(weights[:, : tile.in_size], np.float32)


def _tile_importance(tile: Any) -> Vector:
    """Partial importance of a tile's columns, without its output scales; our own tile is read in place."""
    if hasattr(tile, "g_plus"):
        weight_per_uS = np.float32(tile.tile.devices.weight_per_uS)
        return _pair_importance(tile.g_plus, tile.g_minus) * weight_per_uS
    shared = tile.shared_weights
    if shared is not None and not shared.is_cuda:
        return per_weight(shared.detach().numpy())
    return per_weight(tile.tile.get_weights().detach().cpu().numpy())


def _pair_importance(g_plus: npt.NDArray[np.float32], g_minus: npt.NDArray[np.float32]) -> Vector:
    if g_plus.ndim == 2:
        return per_device(g_plus, g_minus)
    return per_synapse(g_plus, g_minus)


def _output_scales(tile: Any) -> Vector | None:
    # aihwkit's own question costs as much as the sum over a column, and most tiles have no scales.
    if tile.mapping_scales is None and tile.out_scaling_alpha is None:
        return None
    return np.asarray(tile.get_scales().detach().abs().cpu().numpy())
