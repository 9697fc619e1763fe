"""Float64 references for `kernels.importance`."""

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def per_device(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> Vector:
    """``sum_i |G+_ji - G-_ji|``."""
    difference = np.asarray(g_plus, np.float64) - np.asarray(g_minus, np.float64)
    return np.asarray(np.abs(difference).sum(axis=1))


def column_current(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> Vector:
    """``sum_i (G+_ji + G-_ji)``."""
    total = np.asarray(g_plus, np.float64) + np.asarray(g_minus, np.float64)
    return np.asarray(total.sum(axis=1))


def per_weight(weights: npt.ArrayLike) -> Vector:
    """``sum_i |w_ji|``."""
    return np.asarray(np.abs(np.asarray(weights, np.float64)).sum(axis=1))


def modulation_factors(importance: npt.ArrayLike, low: float = 1.0, high: float = 2.0) -> Vector:
    """``clip(high * I_j / max_k I_k, low, high)``; ones where all is zero."""
    values = np.asarray(importance, np.float64)
    largest = values.max()
    if largest == 0.0:
        return np.ones_like(values)
    return np.asarray(np.clip(high * values / largest, low, high))
