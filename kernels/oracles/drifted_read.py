"""Drift and read noise, in float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.oracles.random_streams import bulk_normals

Floats = NDArray[np.float64]


def drifted_read(
    g_programmed: Floats,
    nu: Floats,
    g_max_factor: Floats,
    g_max_uS: float,
    headroom: float,
    noise: tuple[float, float, float],
    log_time_ratio: float,
    amplitude: float,
    key: int,
) -> Floats:
    """One read of `kernels.drifted_read.drifted_reads`; noise is coefficient, exponent, ceiling."""
    coefficient, exponent, ceiling = noise
    g_max = g_max_uS * g_max_factor
    x = np.maximum(g_programmed / g_max, 1e-30)
    q = np.minimum(coefficient * x**-exponent, ceiling)
    drifted = g_programmed * np.exp(-nu * log_time_ratio)
    g = drifted * (1.0 + amplitude * q * bulk_normals(key, g_programmed.size))
    return np.clip(g, 0.0, headroom * g_max)
