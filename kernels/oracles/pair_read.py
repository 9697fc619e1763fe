"""Float64 reference of `kernels.pair_read`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.read_law import ReadLaw


def read_pairs(
    g_plus: ArrayLike,
    g_minus: ArrayLike,
    age_plus_s: ArrayLike,
    age_minus_s: ArrayLike,
    law: ReadLaw,
    unit: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and variances `[n]` of pairs `[K, n]` with these times since their last pulses."""
    plus = _drifted(g_plus, age_plus_s, law)
    minus = _drifted(g_minus, age_minus_s, law)
    variance = _noise(plus, law) ** 2 + _noise(minus, law) ** 2
    return unit * (plus - minus).sum(axis=0), unit**2 * variance.sum(axis=0)


def _drifted(g: ArrayLike, age_s: ArrayLike, law: ReadLaw) -> NDArray[np.float64]:
    ratio = np.asarray(age_s, np.float64) / law.reference_s
    return np.asarray(g, np.float64) * ratio**-law.nu


def _noise(g: NDArray[np.float64], law: ReadLaw) -> NDArray[np.float64]:
    return law.noise_slope * g + law.noise_offset_uS
