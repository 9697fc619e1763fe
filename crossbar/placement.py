"""Where each tile of a layer sits in the layer's weight matrix."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PlacedTile:
    """One tile and the part of the layer's ``[n_out, n_in]`` matrix that it holds."""

    tile: Any
    rows: slice
    """Inputs: the second axis of the weight matrix."""
    columns: slice
    """Output nodes: the first axis of the weight matrix."""


def placed_tiles(layer: Any) -> Iterator[PlacedTile]:
    """The tiles of an analog layer, one entry each.

    Args:
        layer: an analog layer of aihwkit (`AnalogLinear`, `AnalogConv2d`, ...), whatever its tile.
    """
    return tiles_of(layer.analog_module)


def tiles_of(module: Any) -> Iterator[PlacedTile]:
    """The tiles of what an analog layer holds as its `analog_module`: one tile, or an array of them."""
    if not hasattr(module, "array"):
        yield PlacedTile(module, slice(0, module.in_size), slice(0, module.out_size))
        return
    row = 0
    for in_size, across in zip(module.in_sizes, module.array, strict=True):
        column = 0
        for out_size, tile in zip(module.out_sizes, across, strict=True):
            yield PlacedTile(tile, slice(row, row + in_size), slice(column, column + out_size))
            column += out_size
        row += in_size
