"""The conductances of any analog layer, ours in place, aihwkit's as copies."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from aihwkit.simulator.tiles.array import TileModuleArray
from aihwkit.simulator.tiles.module import TileModule
from numpy.typing import NDArray
from torch import nn

from crossbar.pcm_tile import PCMTile
from crossbar.placement import PlacedTile, tiles_of
from kernels.errors import InputError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class TileConductances:
    """The pairs of one tile, and the part of the layer's weight matrix `[n_out, n_in]` that they hold.

    Attributes:
        g_plus: float32 [outputs, inputs], or [K, outputs, inputs]: a row of this matrix holds the devices
            of one crossbar column, that is, of one output node. µS for our tile; aihwkit's own normalised
            conductance for its tiles.
        g_minus: float32, the same shape and unit.
        rows: the crossbar rows: which inputs of the layer, as a slice of its second axis.
        columns: the crossbar columns: which output nodes of the layer, as a slice of its first axis.
        fast: G+ and G- of the second array that a `tiki_taka` or `ttv2` update sends gradients to, in the shape and
            unit of the others; None where there is none, and for aihwkit's tiles.
    """

    g_plus: Array
    g_minus: Array
    rows: slice
    columns: slice
    fast: tuple[Array, Array] | None = None


def conductances(layer: nn.Module) -> Iterator[TileConductances]:
    """One entry per tile of a layer.

    For a `PCMTile` the arrays are views on the live devices: reading copies nothing, and writing changes
    the devices. For aihwkit's tiles they are copies: of the hidden weights, where the unit cell is a pair;
    else the weight matrix split into max(W, 0) and max(-W, 0).

    Args:
        layer: an analog layer, or a tile.

    Raises:
        InputError: the layer has no analog tile.
    """
    has_tiles = False
    for placed in _placed_tiles(layer):
        has_tiles = True
        fast = placed.tile.fast_pairs if isinstance(placed.tile, PCMTile) else None
        yield TileConductances(*_pair(placed.tile), placed.rows, placed.columns, fast)
    if not has_tiles:
        raise InputError(f"{type(layer).__name__} has no analog tile, so no conductances")


def _placed_tiles(layer: nn.Module) -> Iterator[PlacedTile]:
    if isinstance(layer, TileModule | TileModuleArray):
        yield from tiles_of(layer)
        return
    for child in layer.children():
        yield from _placed_tiles(child)


def _pair(tile: TileModule) -> tuple[Array, Array]:
    if isinstance(tile, PCMTile):
        return tile.g_plus, tile.g_minus
    hidden = tile.get_hidden_parameters()
    names = [name for name in hidden if name.startswith("hidden_weights_")]
    if len(names) == 2 and _is_pair(tile):
        return _array(hidden["hidden_weights_1"]), _array(hidden["hidden_weights_0"])
    weights, _ = tile.get_weights(apply_weight_scaling=False)
    values = _array(weights)
    return np.maximum(values, np.float32(0.0)), np.maximum(-values, np.float32(0.0))


def _is_pair(tile: TileModule) -> bool:
    from aihwkit.simulator.configs.devices import OneSidedUnitCell

    return isinstance(getattr(tile.rpu_config, "device", None), OneSidedUnitCell)


def _array(values: torch.Tensor) -> Array:
    return np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)
