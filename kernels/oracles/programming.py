"""Programming with a polynomial noise, in float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.oracles.random_streams import bulk_normals

Floats = NDArray[np.float64]


def program(
    g_target: Floats,
    g_max_factor: Floats,
    g_max_uS: float,
    sigma_uS: tuple[float, float, float],
    headroom: float,
    key: int,
) -> Floats:
    """As `kernels.programming.program`."""
    g_max = g_max_uS * g_max_factor
    sigma = np.maximum(np.polynomial.polynomial.polyval(g_target / g_max, sigma_uS), 0.0)
    g = g_target + sigma * bulk_normals(key, g_target.size)
    return np.clip(g, 0.0, headroom * g_max)
