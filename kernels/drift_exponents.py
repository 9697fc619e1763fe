"""Drift exponents: one nu per device, drawn when it is programmed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.fast_math import log
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals

_SMALLEST_RELATIVE = np.float32(1e-7)


class ClippedLogarithm(NamedTuple):
    """`clip(slope ln(g / g_max) + offset, low, high)`."""

    slope: float
    offset: float
    low: float
    high: float


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32[::1], float32, float32[::1],"
    " float32, uint64, float32[::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _draw(  # type: ignore[no-untyped-def]
    first_tile, past_last_tile, g_target, g_max_factor, nu_factor, g_max_uS, laws, scale, key, out
):
    z = np.empty(TILE, np.float32)
    alike = g_max_factor.size == 1
    same_nu = nu_factor.size == 1
    same_inverse = np.float32(1.0) / (g_max_uS * g_max_factor[0])
    whole_scale = scale * nu_factor[0] if same_nu else scale
    mean_slope, mean_offset, mean_low, mean_high = laws[0], laws[1], laws[2], laws[3]
    std_slope, std_offset, std_low, std_high = laws[4], laws[5], laws[6], laws[7]
    for tile in range(first_tile, past_last_tile):
        fill_normals(key, tile, np.uint64(0), z)
        first = tile * TILE
        target = g_target[first : first + TILE]
        g_factors = g_max_factor if alike else g_max_factor[first : first + TILE]
        nu_factors = nu_factor if same_nu else nu_factor[first : first + TILE]
        nu = out[first : first + TILE]
        for j in range(target.size):
            inverse = same_inverse if alike else np.float32(1.0) / (g_max_uS * g_factors[j])
            logarithm = log(max(target[j] * inverse, _SMALLEST_RELATIVE))
            mean = min(max(mean_slope * logarithm + mean_offset, mean_low), mean_high)
            std = min(max(std_slope * logarithm + std_offset, std_low), std_high)
            nu[j] = abs(mean + std * z[j]) * whole_scale
        if not same_nu:
            for j in range(target.size):
                nu[j] *= nu_factors[j]


def draw_drift_exponents(
    g_target: NDArray[np.float32],
    g_max_factor: NDArray[np.float32],
    nu_factor: NDArray[np.float32],
    g_max_uS: float,
    mean: ClippedLogarithm,
    std: ClippedLogarithm,
    scale: float,
    key: np.uint64,
) -> NDArray[np.float32]:
    """`scale nu_factor |N(mean, std)|`, mean and std clipped logarithms of g_target / g_max.

    Args:
        g_target: float32 [n], µS.
        g_max_factor: float32 [n] or [1], each device's g_max relative to `g_max_uS`.
        nu_factor: float32 [n] or [1], each device's own factor, 0 or more.
        g_max_uS: nominal largest target, µS.
        mean: law of the mean.
        std: law of the standard deviation.
        scale: factor for all devices.
        key: stream of the draw.

    Returns:
        float32 [n].
    """
    out = np.empty_like(g_target)
    laws = np.array([*mean, *std], np.float32)
    for_tiles(
        g_target.size,
        lambda first, past_last: _draw(
            first, past_last, g_target, g_max_factor, nu_factor, g_max_uS, laws, scale, key, out
        ),
    )
    return out
