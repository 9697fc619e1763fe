"""Float64 reference of `kernels.read_law`."""

from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.read_law import ReadLaw

Floats = NDArray[np.float64]


def drifted(g: ArrayLike, nu: ArrayLike, age_s: ArrayLike, law: ReadLaw) -> Floats:
    """What is left of conductances of any shape at these times since the last pulse, µS."""
    ratio = np.maximum(np.asarray(age_s, np.float64) / law.reference_s, 1.0)
    left: Floats = np.asarray(g, np.float64) * ratio ** -np.asarray(nu, np.float64)
    return left


def noisy_read(g_now: Floats, law: ReadLaw, z: Floats) -> Floats:
    """One read with the standard normals z, µS."""
    noise = (law.noise_slope * g_now + law.noise_offset_uS) * z
    return np.clip(g_now + noise, 0.0, law.g_max_uS)


def read_moments(g_now: Floats, law: ReadLaw) -> tuple[Floats, Floats]:
    """Mean and variance of a read."""
    std = law.noise_slope * g_now + law.noise_offset_uS
    return cut_normal_moments(g_now, std, np.asarray(law.g_max_uS))


def cut_normal_moments(g_now: Floats, std: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a normal whose tails are put onto the bounds 0 and `limit`; without spread, that itself."""
    none = std == 0.0
    std = np.where(none, 1.0, std)
    low, high = -g_now / std, (limit - g_now) / std
    below, above = _upper_tail(-low), _upper_tail(high)
    density_low, density_high = (np.exp(-(x**2) / 2) / sqrt(2 * np.pi) for x in (low, high))
    inside = 1.0 - below - above
    mean = low * below + high * above + density_low - density_high
    square = low**2 * below + high**2 * above + inside + low * density_low - high * density_high
    return (
        np.where(none, np.minimum(g_now, limit), g_now + std * mean),
        np.where(none, 0.0, std**2 * (square - mean**2)),
    )


def _upper_tail(x: Floats) -> Floats:
    tail: Floats = 0.5 * np.vectorize(erfc, otypes=[np.float64])(x / sqrt(2.0))
    return tail
