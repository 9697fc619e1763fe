"""Read of programmed devices: power-law drift, then 1/f read noise, for many times in one pass."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.fast_math import exp, log
from kernels.random_streams import TILE, fill_normals

_SMALLEST_RELATIVE = np.float32(1e-30)


class NoiseLaw(NamedTuple):
    """Relative std of a read, but for its growth in time: `min(coefficient x^-exponent, ceiling)`.

    x is the programmed conductance relative to g_max.
    """

    coefficient: float
    exponent: float
    ceiling: float


@njit(
    "void(int64, int64, float32[::1], float32[::1], float32[::1], float32, float32, float32,"
    " float32, float32, float32[::1], float32[::1], uint64[::1], float32[:, ::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _read(  # type: ignore[no-untyped-def]
    first_tile,
    past_last_tile,
    g_programmed,
    nu,
    g_max_factor,
    g_max_uS,
    headroom,
    coefficient,
    exponent,
    ceiling,
    log_time_ratios,
    amplitudes,
    keys,
    out,
):
    z = np.empty(TILE, np.float32)
    relative_noise = np.empty(TILE, np.float32)
    highest = np.empty(TILE, np.float32)
    alike = g_max_factor.size == 1
    factor = g_max_factor[0]
    for tile in range(first_tile, past_last_tile):
        first = tile * TILE
        programmed = g_programmed[first : first + TILE]
        exponents = nu[first : first + TILE]
        factors = g_max_factor if alike else g_max_factor[first : first + TILE]
        for j in range(programmed.size):
            g_max = g_max_uS * (factor if alike else factors[j])
            highest[j] = headroom * g_max
            x = max(programmed[j] / g_max, _SMALLEST_RELATIVE)
            relative_noise[j] = min(coefficient * exp(-exponent * log(x)), ceiling)
        for event in range(keys.size):
            fill_normals(keys[event], tile, np.uint64(0), z)
            log_time_ratio = log_time_ratios[event]
            amplitude = amplitudes[event]
            read = out[event, first : first + TILE]
            for j in range(programmed.size):
                drifted = programmed[j] * exp(-exponents[j] * log_time_ratio)
                g = drifted + drifted * (amplitude * relative_noise[j]) * z[j]
                read[j] = min(max(g, np.float32(0.0)), highest[j])


def drifted_reads(
    g_programmed: NDArray[np.float32],
    nu: NDArray[np.float32],
    g_max_factor: NDArray[np.float32],
    g_max_uS: float,
    headroom: float,
    noise: NoiseLaw,
    log_time_ratios: NDArray[np.float32],
    amplitudes: NDArray[np.float32],
    keys: NDArray[np.uint64],
) -> NDArray[np.float32]:
    """`clip(g_t (1 + amplitude noise N(0, 1)), 0, headroom g_max)`, `g_t = g e^(-nu ln(t / t0))`.

    Args:
        g_programmed: float32 [n], µS.
        nu: float32 [n], drift exponents.
        g_max_factor: float32 [n] or [1], each device's g_max relative to `g_max_uS`.
        g_max_uS: nominal largest target, µS.
        headroom: largest conductance relative to g_max.
        noise: law of the relative read noise.
        log_time_ratios: float32 [reads], ln(t / t0), 0 or more.
        amplitudes: float32 [reads], growth of the read noise in time.
        keys: uint64 [reads], streams of the read noise.

    Returns:
        float32 [reads, n], µS. A read does not depend on the others in the call.
    """
    out = np.empty((keys.size, g_programmed.size), np.float32)
    for_tiles(
        g_programmed.size,
        lambda first, past_last: _read(
            first,
            past_last,
            g_programmed,
            nu,
            g_max_factor,
            g_max_uS,
            headroom,
            *noise,
            log_time_ratios,
            amplitudes,
            keys,
            out,
        ),
    )
    return out
