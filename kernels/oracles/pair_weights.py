"""Float64 reference of `kernels.pair_weights`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pair_weights(g_plus: ArrayLike, g_minus: ArrayLike, unit: float) -> NDArray[np.float64]:
    """`unit * sum_k (g_plus[k] - g_minus[k])`."""
    difference: NDArray[np.float64] = np.asarray(g_plus, np.float64) - np.asarray(
        g_minus, np.float64
    )
    summed: NDArray[np.float64] = difference.sum(axis=0)
    return unit * summed
