"""One read of every device some time after its last pulse, by the law of `kernels.read_law`."""

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals
from kernels.read_law import READ_LAW, ReadLaw, drifted, log_age, noisy_read


@jit_on_call(
    f"void(int64, int64, float32[::1], float32[:, ::1], float32[::1], {READ_LAW}, uint64, float32[::1])",
    nogil=True,
    fastmath={"contract"},
)
def _read(  # type: ignore[no-untyped-def]
    first_tile,
    past_last_tile,
    g,
    state,
    seconds,
    nu_row,
    reference_s,
    slope,
    offset_uS,
    g_max_uS,
    key,
    out,
):
    z = np.empty(TILE, np.float32)
    one_time_for_all = seconds.size == 1
    age = log_age(seconds[0], reference_s)
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, np.uint64(0), z)
        first = tile * TILE
        for j in range(min(TILE, g.size - first)):
            i = first + j
            if not one_time_for_all:
                age = log_age(seconds[i], reference_s)
            now = drifted(g[i], state[nu_row, i], age)
            out[i] = noisy_read(now, slope, offset_uS, g_max_uS, z[j])


def read_after_pulse(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    seconds: NDArray[np.float32],
    law: ReadLaw,
    key: np.uint64,
) -> NDArray[np.float32]:
    """What one read of each device finds.

    Args:
        g: float32 [n], conductance as the last pulse left it, µS.
        state: float32 [rows, n], what the device model keeps; holds the drift exponents.
        seconds: float32 [n] or [1], time since the last pulse, 0 or more.
        law: drift, noise and bounds.
        key: stream of the noise.

    Returns:
        float32 [n], µS.
    """
    out = np.empty_like(g)
    for_tiles(
        g.size,
        lambda first, past_last: _read(first, past_last, g, state, seconds, *law, key, out),
    )
    return out
