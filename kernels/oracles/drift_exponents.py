"""Drift exponents, in float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.oracles.random_streams import bulk_normals

Floats = NDArray[np.float64]
Law = tuple[float, float, float, float]


def draw_drift_exponents(
    g_target: Floats,
    g_max_factor: Floats,
    nu_factor: Floats,
    g_max_uS: float,
    mean: Law,
    std: Law,
    scale: float,
    key: int,
) -> Floats:
    """As `kernels.drift_exponents.draw_drift_exponents`; a law is slope, offset, low, high."""
    logarithm = np.log(np.maximum(g_target / (g_max_uS * g_max_factor), 1e-7))
    mu, sigma = (
        np.clip(slope * logarithm + offset, low, high) for slope, offset, low, high in (mean, std)
    )
    return np.abs(mu + sigma * bulk_normals(key, g_target.size)) * scale * nu_factor
