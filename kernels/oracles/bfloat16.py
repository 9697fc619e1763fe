"""Float64 reference of `kernels.bfloat16`: the two neighbours a number may be rounded to."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def neighbours(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The bfloat16 numbers next to each value, towards zero and away from it."""
    x = np.asarray(values, np.float64)
    exponent = np.floor(np.log2(np.maximum(np.abs(x), 2.0**-126)))
    step = 2.0 ** (exponent - 7)
    inner = np.trunc(x / step) * step
    return inner, np.where(inner == x, inner, inner + np.sign(x) * step)
