"""Node importance of a layer that lies on crossbars.

Each tile gives the partial sum of its rows; the partial sums of a column are added before anyone looks for the
maximum, which is over the whole layer.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from crossbar.placement import placed_tiles
from kernels.importance import per_weight


def column_importance(layer: Any) -> npt.NDArray[np.float32]:
    """Exact importance of each output node, ``sum_i |w_ji|`` over all its tiles.

    Digital output scales are known to the periphery and multiply the column's sum.

    Args:
        layer: an analog layer of aihwkit, whatever its tile.

    Returns:
        ``[n_out]`` float32, in units of the weights.
    """
    module = layer.analog_module
    importance = np.zeros(module.out_size, np.float32)
    for placed in placed_tiles(layer):
        partial = per_weight(_tile_weights(placed.tile))
        scales = placed.tile.get_scales()
        if scales is not None:
            partial = partial * scales.detach().abs().cpu().numpy()
        importance[placed.columns] += partial
    return importance


def _tile_weights(tile: Any) -> npt.NDArray[np.float32]:
    """Weights ``[n_out, n_in]`` of a tile without its output scales; a view where the tile keeps them in torch."""
    shared = tile.shared_weights
    if shared is not None and not shared.is_cuda:
        return np.asarray(shared.detach().numpy())
    return np.asarray(tile.tile.get_weights().detach().cpu().numpy())
