"""Read of programmed devices: power-law drift, then read noise, in one pass over memory; and the moments of reads."""

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.column_blocks import for_blocks
from kernels.fast_math import exp
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals
from kernels.read_law import read_moments


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32[::1], float32[::1], float32, float32,"
    " uint64, float32[::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _read(  # type: ignore[no-untyped-def]
    first_tile,
    past_last_tile,
    g_programmed,
    nu,
    relative_noise,
    g_limit,
    log_time_ratio,
    amplitude,
    key,
    out,
):
    z = np.empty(TILE, np.float32)
    alike = g_limit.size == 1
    limit = g_limit[0]
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, np.uint64(0), z)
        first = tile * TILE
        programmed = g_programmed[first : first + TILE]
        exponents = nu[first : first + TILE]
        noise = relative_noise[first : first + TILE]
        limits = g_limit if alike else g_limit[first : first + TILE]
        read = out[first : first + TILE]
        for j in range(programmed.size):
            drifted = programmed[j] * exp(-exponents[j] * log_time_ratio)
            g = drifted + drifted * (amplitude * noise[j]) * z[j]
            read[j] = min(max(g, np.float32(0.0)), limit if alike else limits[j])


def drifted_read(
    g_programmed: NDArray[np.float32],
    nu: NDArray[np.float32],
    relative_noise: NDArray[np.float32],
    g_limit: NDArray[np.float32],
    log_time_ratio: float,
    amplitude: float,
    key: np.uint64,
    out: NDArray[np.float32],
) -> None:
    """`clip(g_t (1 + amplitude relative_noise N(0, 1)), 0, g_limit)`, `g_t = g (t / t0)^-nu`.

    Args:
        g_programmed: float32 [n], µS.
        nu: float32 [n], drift exponents.
        relative_noise: float32 [n], relative std of a read, but for its growth in time.
        g_limit: float32 [n] or [1], largest conductance, µS.
        log_time_ratio: ln(t / t0), 0 or more.
        amplitude: growth of the read noise in time.
        key: stream of the read noise.
        out: float32 [n], overwritten with conductances in µS.
    """
    for_tiles(
        g_programmed.size,
        lambda first, past_last: _read(
            first,
            past_last,
            g_programmed,
            nu,
            relative_noise,
            g_limit,
            log_time_ratio,
            amplitude,
            key,
            out,
        ),
    )


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32[::1], float32[::1], float32, float32,"
    " float32[::1], float32[::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _moments(  # type: ignore[no-untyped-def]
    first,
    past_last,
    g_programmed,
    nu,
    relative_noise,
    g_limit,
    log_time_ratio,
    amplitude,
    mean,
    variance,
):
    alike = g_limit.size == 1
    limit = g_limit[0]
    for j in range(first, past_last):
        drifted = g_programmed[j] * exp(-nu[j] * log_time_ratio)
        mean[j], variance[j] = read_moments(
            drifted,
            amplitude * relative_noise[j],
            np.float32(0.0),
            limit if alike else g_limit[j],
        )


def drifted_moments(
    g_programmed: NDArray[np.float32],
    nu: NDArray[np.float32],
    relative_noise: NDArray[np.float32],
    g_limit: NDArray[np.float32],
    log_time_ratio: float,
    amplitude: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and variance over the noise of what `drifted_read` finds, its cuts at 0 and at g_limit counted.

    Args:
        g_programmed: float32 [n], µS.
        nu: float32 [n], drift exponents.
        relative_noise: float32 [n], relative std of a read, but for its growth in time.
        g_limit: float32 [n] or [1], largest conductance, µS.
        log_time_ratio: ln(t / t0), 0 or more.
        amplitude: growth of the read noise in time.

    Returns:
        Two float32 [n], µS and µS squared.
    """
    mean, variance = np.empty_like(g_programmed), np.empty_like(g_programmed)
    for_blocks(
        g_programmed.size,
        g_programmed.size,
        lambda first, past_last: _moments(
            first,
            past_last,
            g_programmed,
            nu,
            relative_noise,
            g_limit,
            log_time_ratio,
            amplitude,
            mean,
            variance,
        ),
    )
    return mean, variance
