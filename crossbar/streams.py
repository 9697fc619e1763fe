"""Which random stream each tile gets.

A `PCMConfig` numbers the layers that are built from it, and the tiles of a layer that is split over several. A tile's
stream follows from those two numbers and

- from the config's seed, where it has one: two configs with the same seed give the same tiles in the same order, so
  that a training is repeated by building its configs anew;
- else from the config's place among those without a seed: the first of a process to build a tile is number 0, the
  next number 1. No two tiles of a process share a stream, and a script run again gets the same ones.

The count belongs to the config and to all its copies (aihwkit copies a config for every layer it converts), so one
config never gives two layers the same stream. A tile's stream is part of its state: a copy of a model, and one that
loads its `state_dict`, goes on with the numbers that the original would have drawn.
"""

from itertools import count
from typing import Any, Self

Stream = tuple[int, *tuple[int | str, ...]]
"""(seed, layer, tile), or (number of the config, "unseeded", layer, tile)."""

_unseeded = count()


class TileStreams:
    """The count of layers and tiles built from one config.

    Args:
        seed: of the config; None for none.
        layers: how many layers it has numbered already.
    """

    def __init__(self, seed: int | None, layers: int = 0) -> None:
        self._root: Stream | None = None if seed is None else (seed,)
        self._layers = layers
        self._tile_of_layer: int | None = None

    def next_tile(self) -> Stream:
        """The stream of a tile that is being built."""
        if self._tile_of_layer is not None:
            self._tile_of_layer += 1
            return (*self._numbered_root(), self._layers - 1, self._tile_of_layer - 1)
        return (*self._numbered_root(), self._next_layer(), 0)

    def begin_array(self) -> None:
        """The tiles that follow belong to one layer, until `end_array`."""
        self._next_layer()
        self._tile_of_layer = 0

    def end_array(self) -> None:
        """The layer has all its tiles."""
        self._tile_of_layer = None

    def _next_layer(self) -> int:
        self._layers += 1
        return self._layers - 1

    def _numbered_root(self) -> Stream:
        # Not before there is a tile: a config that is only looked at, or unpickled, takes no number.
        if self._root is None:
            self._root = (next(_unseeded), "unseeded")
        return self._root

    def __repr__(self) -> str:
        if self._root is None:
            return "TileStreams(unseeded, no tile yet)"
        kind = (
            f"unseeded config {self._root[0]}" if len(self._root) > 1 else f"seed {self._root[0]}"
        )
        return f"TileStreams({kind}, layers={self._layers})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        # Another process has a count of its own: there, a config without a seed is a new one.
        if self._root is None or len(self._root) > 1:
            return type(self), (None,)
        return type(self), (self._root[0], self._layers)
