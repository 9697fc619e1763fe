"""How large a difference between two methods is, from runs paired by seed."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import integrate, optimize, special

from kernels.errors import InputError

_ROUNDING = 16 * np.finfo(np.float64).eps
"""Differences that vary by no more than this share of their size are equal but for rounding."""
_LARGE_T = 1000.0
"""Beyond, T is ruled by its denominator: its noncentrality then has a closed form, right to 1 in a million."""
_REACH = 10.0
"""Standard normal deviates beyond have a probability that is lost in rounding."""


@dataclass(frozen=True)
class PairedEffect:
    """Mean difference and standardised difference of paired runs, each with its confidence interval."""

    mean: float
    """Mean of values minus reference, in the unit of both."""
    low: float
    high: float
    """Ends of the interval of the mean, from Student's t; all the mean where the differences do not vary."""
    hedges_g: float | None
    """Hedges' g_z; None with fewer than 3 pairs, and where the differences do not vary."""
    g_low: float | None
    g_high: float | None
    """Ends of the interval of g_z; None where there is no g_z."""
    pairs: int


def paired_effect(
    values: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    confidence: float = 0.95,
) -> PairedEffect:
    """Effect size of `values` against `reference`, paired by position.

    The standardised difference is ``d_z = mean(D) / std(D)`` of the differences D (Lakens, Front. Psychol. 4, 863
    (2013), eq. 6): it belongs to the paired t-test, ``t = d_z sqrt(n)``. It overestimates in small samples, and Hedges'
    exact factor ``J(m) = Γ(m/2) / (sqrt(m/2) Γ((m - 1)/2))`` with ``m = n - 1`` makes it ``g_z = J d_z`` (Hedges, J.
    Educ. Stat. 6, 107 (1981), eq. 6e). Its interval inverts the noncentral t distribution with m degrees of freedom
    (Cumming & Finch, Educ. Psychol. Meas. 61, 532 (2001)), divided by sqrt(n) and times J. With 2 pairs J is 0:
    the expectation of d_z does not exist, and g_z is not given.

    Args:
        values: ``[pairs]``, finite.
        reference: ``[pairs]``, finite, in the same order.
        confidence: probability of both intervals, between 0 and 1.

    Raises:
        InputError: the arrays differ in shape, hold fewer than 2 pairs or anything not finite, or `confidence` is not
            between 0 and 1.
    """
    differences = _differences(values, reference)
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence: must lie between 0 and 1 (got {confidence})")
    pairs = len(differences)
    mean = float(differences.mean())
    size = max(float(np.abs(values).max()), float(np.abs(reference).max()))
    if np.ptp(differences) <= _ROUNDING * size:
        return PairedEffect(mean, mean, mean, None, None, None, pairs)
    spread = float(differences.std(ddof=1))
    half = float(special.stdtrit(pairs - 1, (1 + confidence) / 2)) * spread / math.sqrt(pairs)
    low, high = mean - half, mean + half
    if pairs < 3:
        return PairedEffect(mean, low, high, None, None, None, pairs)
    d_z = mean / spread
    correction = hedges_correction(pairs - 1)
    ends = _noncentrality_interval(d_z * math.sqrt(pairs), pairs - 1, confidence)
    g_low, g_high = (correction * end / math.sqrt(pairs) for end in ends)
    return PairedEffect(mean, low, high, correction * d_z, g_low, g_high, pairs)


@dataclass(frozen=True)
class Equivalence:
    """Whether paired runs show that two methods differ by less than a margin."""

    margin: float
    """In the unit of the values."""
    low: float
    high: float
    """Ends of the interval of the mean difference at a confidence of 1 - 2 `level`; all the mean where the differences
    do not vary."""
    p_value: float
    """The larger p of the two one-sided tests."""
    level: float
    """At which each of the two is made."""

    @property
    def is_shown(self) -> bool:
        """Whether both tests reject: the interval lies within the margin."""
        return self.p_value < self.level


def equivalence(
    values: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    margin: float,
    level: float = 0.05,
) -> Equivalence:
    """Two one-sided paired t-tests: is the mean of `values` minus `reference` within ±`margin`?

    ``t_low = (mean(D) + margin) / se`` against "not above -margin", ``t_high = (mean(D) - margin) / se`` against "not
    below margin", with ``se = std(D) / sqrt(n)`` and n - 1 degrees of freedom (Schuirmann, J. Pharmacokinet. Biopharm.
    15, 657 (1987)). Both reject at `level` where the interval at a confidence of 1 - 2 `level` lies within the margin.
    Where the differences do not vary there is nothing to test: p is 0 within the margin, 1 outside.

    Args:
        values: ``[pairs]``, finite.
        reference: ``[pairs]``, finite, in the same order.
        margin: above 0, in the unit of both.
        level: of each test, between 0 and 0.5.

    Raises:
        InputError: as `paired_effect`; or `margin` or `level` is out of range.
    """
    if not (math.isfinite(margin) and margin > 0.0):
        raise InputError(f"margin: must be above 0 and finite (got {margin})")
    if not 0.0 < level < 0.5:
        raise InputError(f"level: must lie between 0 and 0.5 (got {level})")
    effect = paired_effect(values, reference, 1 - 2 * level)
    if effect.low == effect.high:
        p_value = 0.0 if abs(effect.mean) < margin else 1.0
        return Equivalence(margin, effect.low, effect.high, p_value, level)
    differences = _differences(values, reference)
    error = float(differences.std(ddof=1)) / math.sqrt(effect.pairs)
    p_value = float(special.stdtr(effect.pairs - 1, (abs(effect.mean) - margin) / error))
    return Equivalence(margin, effect.low, effect.high, p_value, level)


def hedges_correction(degrees_of_freedom: int) -> float:
    """Hedges' exact factor J that takes the bias from a standardised difference; 0 with 1 degree of freedom."""
    if degrees_of_freedom < 2:
        return 0.0
    half = degrees_of_freedom / 2
    logarithm = special.gammaln(half) - special.gammaln(half - 0.5)
    return float(math.exp(logarithm) / math.sqrt(half))


def _differences(
    values: npt.NDArray[np.floating], reference: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    one, other = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise InputError(
            f"values and reference: must be [pairs] alike (got {one.shape} and {other.shape})"
        )
    if len(one) < 2:
        raise InputError(f"values: a paired effect needs 2 pairs or more (got {len(one)})")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise InputError("values and reference: must be finite")
    return one - other


def _noncentrality_interval(
    t: float, degrees_of_freedom: int, confidence: float
) -> tuple[float, float]:
    """Noncentralities under which t would be as far out as the interval's tails allow."""
    tail = (1 - confidence) / 2
    low, high = (_noncentrality(abs(t), degrees_of_freedom, p) for p in (1 - tail, tail))
    return (low, high) if t >= 0 else (-high, -low)


def _noncentrality(t: float, degrees_of_freedom: int, probability: float) -> float:
    """The noncentrality of a T with ``P(T <= t) = probability``, for t >= 0."""
    scale = special.chdtri(degrees_of_freedom, probability) / degrees_of_freedom
    without_noise = t * math.sqrt(scale)
    if t > _LARGE_T:
        return without_noise

    def excess(noncentrality: float) -> float:
        return _noncentral_t_cdf(t, degrees_of_freedom, noncentrality) - probability

    ends = without_noise - _REACH, without_noise + _REACH
    return float(optimize.brentq(excess, *ends, xtol=1e-8))


def _noncentral_t_cdf(t: float, degrees_of_freedom: int, noncentrality: float) -> float:
    """P(T <= t) of ``T = (Z + noncentrality) / w``, where w is the root of a mean chi-square, for t >= 0.

    Integrated over w where scipy's own function, which is quicker, is not a number.
    """
    known = float(special.nctdtr(degrees_of_freedom, noncentrality, t))
    if not math.isnan(known):
        return known
    m = degrees_of_freedom
    factor = math.log(2) + m / 2 * math.log(m / 2) - math.lgamma(m / 2)

    def integrand(w: float) -> float:
        density = math.exp(factor + (m - 1) * math.log(w) - m * w * w / 2)
        return density * float(special.ndtr(t * w - noncentrality))

    start, stop = (math.sqrt(special.chdtri(m, p) / m) for p in (1 - 1e-12, 1e-12))
    turns = ((noncentrality + offset) / t for offset in (-8, 0, 8)) if t > 0 else ()
    within = [turn for turn in turns if start < turn < stop]
    probability, _ = integrate.quad(integrand, start, stop, points=within or None, limit=200)
    return float(probability)
