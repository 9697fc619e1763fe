"""The conductance-dependent part of the read noise, in float64."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def relative_noise(
    g_programmed: Floats, g_max: Floats, coefficient: float, exponent: float, ceiling: float
) -> Floats:
    """As `kernels.relative_noise.relative_noise`."""
    x = np.maximum(g_programmed / g_max, 1e-30)
    noise: Floats = np.minimum(coefficient * x**-exponent, ceiling)
    return noise
