"""Float64 reference of `kernels.pair_read`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.oracles.read_law import drifted, read_moments
from kernels.read_law import ReadLaw

Floats = NDArray[np.float64]


def read_pairs(
    g: tuple[ArrayLike, ArrayLike],
    nu: tuple[ArrayLike, ArrayLike],
    age_s: tuple[ArrayLike, ArrayLike],
    law: ReadLaw,
    unit: float,
    noise: bool,
) -> tuple[Floats, Floats]:
    """Weights and variances `[n]` of pairs: of each polarity `[K, n]` conductances, exponents, times since the pulse.

    Without noise the variances are 0.
    """
    plus, minus = (drifted(*polarity, law) for polarity in zip(g, nu, age_s, strict=True))
    variance = np.zeros_like(plus)
    if noise:
        (plus, of_plus), (minus, of_minus) = read_moments(plus, law), read_moments(minus, law)
        variance = of_plus + of_minus
    return unit * (plus - minus).sum(axis=0), unit**2 * variance.sum(axis=0)
