"""The importance of a layer's nodes through a readout circuit: tile by tile, added over the tiles of each column."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossbar.importance import column_importance
from crossbar.placement import placed_tiles
from crossbar.readout.base import Partial, Readout
from crossbar.readout.tile_pairs import TilePairs, layer_pairs

Vector = NDArray[np.float32]
Values = NDArray[np.float64]


def read_importance(layer: Any, readout: Readout, draw: int = 0, name: str = "") -> Vector:
    """Importance of each output node as a readout circuit finds it.

    Every tile is read on its own. What its columns show is added, at the readout's word length, to what the other
    tiles of the same columns show; digital output scales multiply a tile's part before that.

    Args:
        layer: an analog layer of aihwkit, whatever its tile; ours is read in place, others through `conductances`. Or
            one of `crossbar.array_layers`, unless the readout is exact: its weights are digital.
        readout: the circuit.
        draw: number of the reading; the same number gives the same noise.
        name: of the layer; tells apart the random streams of aihwkit's tiles.

    Returns:
        ``[n_out]`` float32, in units of the weights, not negative; NaN or infinite where a conductance is.
    """
    if readout.is_exact:
        return column_importance(layer)
    tiles = list(layer_pairs(layer, name))
    parts = [_in_weights(readout.partial(pairs, draw), pairs) for pairs in tiles]
    n_out = max(pairs.columns.stop for pairs in tiles)
    total = np.zeros((parts[0].values.shape[0], n_out))
    full_scale = np.zeros(n_out)
    for pairs, part in zip(tiles, parts, strict=True):
        full_scale[pairs.columns] += part.full_scale
    lsb = None if readout.sum_bits is None else full_scale.max() / ((1 << readout.sum_bits) - 1)
    for pairs, part in zip(tiles, parts, strict=True):
        total[:, pairs.columns] += part.values if lsb is None else np.rint(part.values / lsb) * lsb
    return readout.combined(total).astype(np.float32)


def count_readout(layer: Any) -> None:
    """Count one reading in each of our own tiles of a layer."""
    for placed in placed_tiles(layer):
        if hasattr(placed.tile, "g_plus"):
            placed.tile.tile.devices.counters.readouts += 1


def _in_weights(part: Partial, pairs: TilePairs) -> Partial:
    scale = pairs.weight_per_unit if pairs.scales is None else pairs.weight_per_unit * pairs.scales
    return Partial(part.values * scale, part.full_scale * float(np.max(scale)))
