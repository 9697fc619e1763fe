"""Programming: the conductance that a device ends at when it is programmed to a target."""

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32, float32, float32, float32, float32,"
    " uint64, float32[::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _program(  # type: ignore[no-untyped-def]
    first_tile, past_last_tile, g_target, g_max_factor, g_max_uS, c0, c1, c2, headroom, key, out
):
    z = np.empty(TILE, np.float32)
    alike = g_max_factor.size == 1
    factor = g_max_factor[0]
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, np.uint64(0), z)
        first = tile * TILE
        target = g_target[first : first + TILE]
        factors = g_max_factor if alike else g_max_factor[first : first + TILE]
        programmed = out[first : first + TILE]
        for j in range(target.size):
            g_max = g_max_uS * (factor if alike else factors[j])
            relative = target[j] / g_max
            sigma = (c2 * relative + c1) * relative + c0
            g = target[j] + max(sigma, np.float32(0.0)) * z[j]
            programmed[j] = min(max(g, np.float32(0.0)), headroom * g_max)


def program(
    g_target: NDArray[np.float32],
    g_max_factor: NDArray[np.float32],
    g_max_uS: float,
    sigma_uS: tuple[float, float, float],
    headroom: float,
    key: np.uint64,
) -> NDArray[np.float32]:
    """`clip(g_target + sigma N(0, 1), 0, headroom g_max)`, sigma a polynomial in g_target / g_max.

    Args:
        g_target: float32 [n], µS.
        g_max_factor: float32 [n] or [1], each device's g_max relative to `g_max_uS`.
        g_max_uS: nominal largest target, µS.
        sigma_uS: coefficients of the programming noise's std, lowest power first, µS. Where the
            polynomial is negative, the std is 0.
        headroom: largest conductance relative to g_max.
        key: stream of the noise.

    Returns:
        float32 [n], µS.
    """
    out = np.empty_like(g_target)
    c0, c1, c2 = sigma_uS
    for_tiles(
        g_target.size,
        lambda first, past_last: _program(
            first, past_last, g_target, g_max_factor, g_max_uS, c0, c1, c2, headroom, key, out
        ),
    )
    return out
