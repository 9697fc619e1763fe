"""Float64 reference of `kernels.pulse_counts`: what the counts are in the mean, and what chi must balance to."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mean_pulses(update: ArrayLike, scale: float, limit: int) -> NDArray[np.float64]:
    """Mean of the stochastically rounded pulse counts, exact where |scale * update| <= limit - 1."""
    return np.clip(scale * np.asarray(update, np.float64), -limit, limit)


def transfer(
    chi: ArrayLike, increments: ArrayLike, full: int, limit: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The new chi and the signed pulses, for increments that are whole already."""
    total = np.asarray(chi, np.int64) + np.asarray(increments, np.int64)
    pulses = np.sign(total) * np.minimum(np.abs(total) // full, limit)
    return np.clip(total - pulses * full, -(full - 1), full - 1), pulses
