"""Which random stream each tile of a model gets.

A `PCMConfig` numbers the layers that are built from it, and the tiles of a layer that is split over
several; a tile's stream follows from the seed and those two numbers, so no two tiles of a model share one.
The count belongs to the config and to all its copies (aihwkit copies a config for every layer it
converts). It starts again when torch's generator stands where it stood at the first layer: then a training
has been started anew with the same seed, and gets the same streams.
"""

import hashlib
from typing import Any, Self

import torch


class TileStreams:
    """The count of layers and tiles built from one config."""

    def __init__(self) -> None:
        self._layer = 0
        self._tile_of_layer: int | None = None
        self._first: bytes | None = None
        self._latest: bytes | None = None

    def next_tile(self) -> tuple[int, int]:
        """Number of the layer and of the tile within it, for a tile that is being built."""
        if self._tile_of_layer is not None:
            self._tile_of_layer += 1
            return self._layer - 1, self._tile_of_layer - 1
        return self._next_layer(), 0

    def begin_array(self) -> None:
        """The tiles that follow belong to one layer, until `end_array`."""
        self._next_layer()
        self._tile_of_layer = 0

    def end_array(self) -> None:
        """The layer has all its tiles."""
        self._tile_of_layer = None

    def weights_written(self) -> None:
        """Remember where torch's generator is, after a layer has drawn its initial weights."""
        self._latest = _generator_state()

    def _next_layer(self) -> int:
        now = _generator_state()
        if self._first is None or (now == self._first and now != self._latest):
            self._first = now
            self._layer = 0
        self._latest = now
        self._layer += 1
        return self._layer - 1

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _generator_state() -> bytes:
    return hashlib.blake2b(torch.get_rng_state().numpy().tobytes(), digest_size=16).digest()
