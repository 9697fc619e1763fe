"""Read of devices that drift since their last pulse, with noise that grows with the conductance."""

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.fast_math import exp, log
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32, float32, float32, float32, float32,"
    " uint64, float32[::1])",
    nogil=True,
    fastmath={"contract"},
)
def _read(  # type: ignore[no-untyped-def]
    first_tile, past_last_tile, g, seconds, reference_s, nu, slope, offset_uS, g_max_uS, key, out
):
    z = np.empty(TILE, np.float32)
    one_time_for_all = seconds.size == 1
    decay = exp(-nu * log(seconds[0] / reference_s))
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, np.uint64(0), z)
        first = tile * TILE
        for j in range(min(TILE, g.size - first)):
            i = first + j
            if not one_time_for_all:
                decay = exp(-nu * log(seconds[i] / reference_s))
            read = g[i] * decay + (slope * g[i] + offset_uS) * z[j]
            out[i] = min(max(read, np.float32(0.0)), g_max_uS)


def read_after_pulse(
    g: NDArray[np.float32],
    seconds: NDArray[np.float32],
    reference_s: float,
    nu: float,
    slope: float,
    offset_uS: float,
    g_max_uS: float,
    key: np.uint64,
) -> NDArray[np.float32]:
    """`clip(g (seconds / reference_s)^-nu + (slope g + offset_uS) N(0, 1), 0, g_max_uS)`.

    Args:
        g: float32 [n], µS.
        seconds: float32 [n] or [1], time since the last pulse, above 0.
        reference_s: time at which g holds, s.
        nu: drift exponent.
        slope: part of the noise's std that grows with g.
        offset_uS: constant part of the noise's std, µS.
        g_max_uS: largest conductance, µS.
        key: stream of the noise.

    Returns:
        float32 [n], µS.
    """
    out = np.empty_like(g)
    for_tiles(
        g.size,
        lambda first, past_last: _read(
            first, past_last, g, seconds, reference_s, nu, slope, offset_uS, g_max_uS, key, out
        ),
    )
    return out
