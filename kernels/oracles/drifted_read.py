"""Drift and read noise, in float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.oracles.random_streams import bulk_normals
from kernels.oracles.read_law import cut_normal_moments

Floats = NDArray[np.float64]


def drifted_read(
    g_programmed: Floats,
    nu: Floats,
    relative_noise: Floats,
    g_limit: Floats,
    log_time_ratio: float,
    amplitude: float,
    key: int,
) -> Floats:
    """As `kernels.drifted_read.drifted_read`, returning its `out`."""
    drifted = g_programmed * np.exp(-nu * log_time_ratio)
    g = drifted * (1.0 + amplitude * relative_noise * bulk_normals(key, g_programmed.size))
    return np.clip(g, 0.0, g_limit)


def drifted_moments(
    g_programmed: Floats,
    nu: Floats,
    relative_noise: Floats,
    g_limit: Floats,
    log_time_ratio: float,
    amplitude: float,
) -> tuple[Floats, Floats]:
    """As `kernels.drifted_read.drifted_moments`."""
    drifted = g_programmed * np.exp(-nu * log_time_ratio)
    return cut_normal_moments(drifted, drifted * amplitude * relative_noise, g_limit)
