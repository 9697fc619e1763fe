"""Whole arrays of uniforms and normals from a counter-based stream."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals, fill_uniforms


@jit_on_call("void(int64, int64, uint64, uint64, float32[::1])", nogil=True)
def _normals(first_tile, past_last_tile, key, draw, out):  # type: ignore[no-untyped-def]
    scratch = np.empty(TILE, np.float32)
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, draw, scratch)
        part = out[tile * TILE : (tile + 1) * TILE]
        # A slice assignment would compile numba's whole broadcasting error path: 3 s at every start.
        for j in range(part.size):
            part[j] = scratch[j]


@jit_on_call("void(int64, int64, uint64, uint64, float32[::1])", nogil=True)
def _uniforms(first_tile, past_last_tile, key, draw, out):  # type: ignore[no-untyped-def]
    scratch = np.empty(TILE, np.float32)
    for tile in range(first_tile, past_last_tile):
        fill_uniforms(key, tile, draw, scratch)
        part = out[tile * TILE : (tile + 1) * TILE]
        for j in range(part.size):
            part[j] = scratch[j]


def for_tiles(n: int, kernel: Callable[[int, int], None]) -> None:
    """Call `kernel(first_tile, past_last_tile)` for blocks that cover n devices."""
    for_blocks((n + TILE - 1) // TILE, n, kernel)


def normals(key: np.uint64, n: int, draw: int = 0) -> NDArray[np.float32]:
    """The standard normals of devices 0 ... n - 1 at event `draw`.

    Args:
        key: from `stream_key`.
        n: number of devices.
        draw: the event.

    Returns:
        float32 [n].
    """
    out = np.empty(n, np.float32)
    for_tiles(n, lambda first, past_last: _normals(first, past_last, key, draw, out))
    return out


def uniforms(key: np.uint64, n: int, draw: int = 0) -> NDArray[np.float32]:
    """The uniforms in (0, 1) of devices 0 ... n - 1 at one event; arguments as for `normals`."""
    out = np.empty(n, np.float32)
    for_tiles(n, lambda first, past_last: _uniforms(first, past_last, key, draw, out))
    return out
