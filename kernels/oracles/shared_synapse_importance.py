"""Float64 reference for `kernels.shared_synapse_importance`."""

import numpy as np
import numpy.typing as npt


def per_synapse(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """``sum_i |sum_k (G+_kji - G-_kji)|``."""
    difference = np.asarray(g_plus, np.float64) - np.asarray(g_minus, np.float64)
    return np.asarray(np.abs(difference.sum(axis=0)).sum(axis=1))
