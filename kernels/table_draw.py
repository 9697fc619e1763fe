"""Draws from measured statistics: mean and std interpolated in a table."""

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32[::1], float32[::1], uint64,"
    " float32[::1])",
    nogil=True,
    fastmath={"contract"},
)
def _draw(first_tile, past_last_tile, x, knots, mean, std, key, out):  # type: ignore[no-untyped-def]
    z = np.empty(TILE, np.float32)
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, np.uint64(0), z)
        first = tile * TILE
        for j in range(min(TILE, x.size - first)):
            i = first + j
            low, high = 0, knots.size - 1
            while high - low > 1:
                middle = (low + high) // 2
                if knots[middle] <= x[i]:
                    low = middle
                else:
                    high = middle
            part = (x[i] - knots[low]) / (knots[high] - knots[low])
            mu = mean[low] + part * (mean[high] - mean[low])
            sigma = std[low] + part * (std[high] - std[low])
            out[i] = mu + sigma * z[j]


def draw_from_table(
    x: NDArray[np.float32],
    knots: NDArray[np.float32],
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    key: np.uint64,
) -> NDArray[np.float32]:
    """`N(mean(x), std(x))`, both interpolated linearly between the knots.

    Args:
        x: float32 [n], within the knots.
        knots: float32 [m], at least 2, strictly increasing.
        mean: float32 [m].
        std: float32 [m].
        key: stream of the draw.

    Returns:
        float32 [n].
    """
    out = np.empty_like(x)
    for_tiles(
        x.size,
        lambda first, past_last: _draw(first, past_last, x, knots, mean, std, key, out),
    )
    return out
