"""How a device reads some time after its last pulse: the one law, for single devices and for whole pairs.

    G_t    = G max(t / reference_s, 1)^-nu
    read   = clip(G_t + (noise_slope G_t + noise_offset_uS) N(0, 1), 0, g_max_uS)

First drift, then noise of what is left: read noise is the spread of repeated reads around their mean (S. R. Nandakumar
et al., J. Appl. Phys. 124, 152135 (2018)), and that mean is the conductance which the device has at the time of the
read; the later statistics of the same group scale it with the drifted conductance too (V. Joshi et al., Nat. Commun.
11, 2473 (2020)). The power law holds from `reference_s` on; of earlier reads it says nothing, and they find G. No read
leaves what a device can hold.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from kernels.fast_math import exp, log

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_SMALLEST_STD = np.float32(1e-12)
_FAR = np.float32(8.0)
"""Standard deviations beyond which a bound cuts nothing that float32 could show."""

_DENSITY = np.float32(0.3989422804014327)
_TAIL = np.float32(0.2316419)
_TAIL_1 = np.float32(0.319381530)
_TAIL_2 = np.float32(-0.356563782)
_TAIL_3 = np.float32(1.781477937)
_TAIL_4 = np.float32(-1.821255978)
_TAIL_5 = np.float32(1.330274429)


class ReadLaw(NamedTuple):
    """Parameters of the law; the exponent nu belongs to each device.

    Attributes:
        nu_row: row of a device's state that holds its drift exponent.
        reference_s: time after a pulse at which G holds, and from which on it drifts, s.
        noise_slope: part of the noise's std that grows with the drifted conductance.
        noise_offset_uS: constant part of the noise's std, µS.
        g_max_uS: largest conductance of a device, µS.
    """

    nu_row: int
    reference_s: float
    noise_slope: float
    noise_offset_uS: float
    g_max_uS: float


READ_LAW = "int64, float32, float32, float32, float32"
"""Numba signature of the fields of `ReadLaw`."""


@njit(forceinline=True, fastmath={"contract"})
def log_age(age_s, reference_s):  # type: ignore[no-untyped-def]
    """`ln(max(age / reference, 1))`: 0 for ages at which the law does not hold yet."""
    return log(max(age_s / reference_s, _ONE))


@njit(forceinline=True, fastmath={"contract"})
def drifted(g, nu, log_of_age):  # type: ignore[no-untyped-def]
    """What is left of the conductance `g`; at most `g`, for nu >= 0."""
    return g * exp(-nu * log_of_age)


@njit(forceinline=True, fastmath={"contract"})
def noisy_read(g_now, noise_slope, noise_offset_uS, g_max_uS, z):  # type: ignore[no-untyped-def]
    """One read of a device that has drifted to `g_now`; z is its standard normal."""
    return min(max(g_now + (noise_slope * g_now + noise_offset_uS) * z, _ZERO), g_max_uS)


@njit(forceinline=True, fastmath={"contract"})
def _beyond(x):  # type: ignore[no-untyped-def]
    """Density at x and probability beyond x of a standard normal, x >= 0, to 1e-7.

    M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*, 26.2.17.
    """
    density = _DENSITY * exp(-_HALF * x * x)
    t = _ONE / (_ONE + _TAIL * x)
    series = t * (_TAIL_1 + t * (_TAIL_2 + t * (_TAIL_3 + t * (_TAIL_4 + t * _TAIL_5))))
    return density, density * series


@njit(forceinline=True, fastmath={"contract"})
def read_moments(g_now, noise_slope, noise_offset_uS, g_max_uS):  # type: ignore[no-untyped-def]
    """Mean and variance of `noisy_read` over z: those of a normal that is cut at 0 and at g_max.

    With a, b the distances of g_now from the bounds in units of the std, phi the density and Q the upper tail:
    mean = g_now + std (d(a) - d(b)), d(x) = phi(x) - x Q(x), and the second moment about g_now is
    std^2 (1 - (1 - a^2) Q(a) - (1 - b^2) Q(b) - a phi(a) - b phi(b)).
    """
    std = noise_slope * g_now + noise_offset_uS
    inverse = _ONE / max(std, _SMALLEST_STD)
    a = min(g_now * inverse, _FAR)
    b = min(max(g_max_uS - g_now, _ZERO) * inverse, _FAR)
    density_a, tail_a = _beyond(a)
    density_b, tail_b = _beyond(b)
    shift = (density_a - a * tail_a) - (density_b - b * tail_b)
    second = _ONE - (_ONE - a * a) * tail_a - (_ONE - b * b) * tail_b
    second = second - a * density_a - b * density_b
    return g_now + std * shift, std * std * (second - shift * shift)
