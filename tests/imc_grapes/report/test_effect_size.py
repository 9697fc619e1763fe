import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from imc_grapes import InputError
from imc_grapes.report.effect_size import equivalence, hedges_correction, paired_effect


def with_differences(mean, spread, pairs, seed=0):
    """Pairs whose differences have exactly that mean and sample standard deviation."""
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal(pairs)
    raw = (raw - raw.mean()) / raw.std(ddof=1)
    reference = rng.standard_normal(pairs)
    return reference + mean + spread * raw, reference


def noncentral_t_cdf(t, degrees_of_freedom, noncentrality):
    """From the definition: a normal deviate over the root of a chi-square."""

    def given_chi(p):
        chi = np.sqrt(stats.chi2.ppf(p, degrees_of_freedom) / degrees_of_freedom)
        return stats.norm.cdf(t * chi - noncentrality)

    return integrate.quad(given_chi, 0, 1, limit=200)[0]


@pytest.mark.parametrize("pairs", [3, 10])
@pytest.mark.parametrize("d_z", [-6.0, -0.4, 0.0, 1.0, 300.0, 900.0])
def test_the_interval_of_g_inverts_the_noncentral_t_distribution(d_z, pairs):
    effect = paired_effect(*with_differences(d_z, 1.0, pairs))
    correction = hedges_correction(pairs - 1)
    assert effect.hedges_g == pytest.approx(correction * d_z, abs=1e-9)
    t = d_z * np.sqrt(pairs)
    for end, probability in ((effect.g_low, 0.975), (effect.g_high, 0.025)):
        noncentrality = end / correction * np.sqrt(pairs)
        found = noncentral_t_cdf(t, pairs - 1, noncentrality)
        assert found == pytest.approx(probability, abs=1e-6 if abs(t) < 1000 else 1e-5)


def test_the_interval_of_the_mean_is_that_of_the_paired_t_test():
    values, reference = with_differences(0.004, 0.003, 5)
    effect = paired_effect(values, reference, confidence=0.9)
    expected = stats.ttest_rel(values, reference).confidence_interval(0.9)
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high))
    assert effect.pairs == 5


def test_the_correction_is_that_of_hedges_table():
    """Hedges' approximation 1 - 3/(4 m - 1) is within 0.007 for m of 2, and closer above."""
    for m in range(2, 60):
        assert hedges_correction(m) == pytest.approx(1 - 3 / (4 * m - 1), abs=0.008)
    assert hedges_correction(2) == pytest.approx(1 / np.sqrt(np.pi))


def test_the_correction_takes_the_bias_away():
    differences = np.random.default_rng(3).normal(0.8, 1.0, (100_000, 6))
    d_z = differences.mean(1) / differences.std(1, ddof=1)
    assert hedges_correction(5) * d_z.mean() == pytest.approx(0.8, abs=0.01)


@given(
    mean=st.floats(-100, 100),
    spread=st.floats(1e-3, 10),
    pairs=st.integers(3, 12),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_swapping_the_methods_mirrors_everything(mean, spread, pairs, seed):
    values, reference = with_differences(mean, spread, pairs, seed)
    one, other = paired_effect(values, reference), paired_effect(reference, values)
    assert one.mean == pytest.approx(-other.mean)
    assert one.hedges_g == pytest.approx(-other.hedges_g)
    assert (one.g_low, one.g_high) == pytest.approx((-other.g_high, -other.g_low))
    assert one.g_low < one.hedges_g < one.g_high


def test_two_pairs_have_an_interval_of_the_mean_and_no_standardised_effect():
    effect = paired_effect(np.array([0.9, 0.8]), np.array([0.7, 0.7]))
    assert effect.low < effect.mean < effect.high
    assert (effect.hedges_g, effect.g_low, effect.g_high) == (None, None, None)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_differences_that_are_all_equal_have_no_standardised_effect(shift):
    reference = np.array([0.91, 0.83, 0.77])
    effect = paired_effect(reference + shift, reference)
    assert effect.low == effect.high == effect.mean == pytest.approx(shift)
    assert effect.hedges_g is None


@pytest.mark.parametrize(
    ("values", "reference", "confidence", "message"),
    [
        ([1.0], [2.0], 0.95, "2 pairs or more"),
        ([1.0, 2.0], [1.0], 0.95, "alike"),
        ([[1.0, 2.0]], [[1.0, 3.0]], 0.95, "alike"),
        ([1.0, np.nan], [1.0, 2.0], 0.95, "finite"),
        ([1.0, 2.0], [1.0, 2.0], 1.0, "between 0 and 1"),
    ],
)
def test_what_cannot_be_compared_is_an_error(values, reference, confidence, message):
    with pytest.raises(InputError, match=message):
        paired_effect(np.array(values), np.array(reference), confidence)


@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize(
    ("mean", "spread", "pairs"), [(0.1, 0.2, 3), (-0.3, 0.1, 5), (0.6, 0.3, 10), (0.0, 2.0, 2)]
)
def test_equivalence_is_two_one_sided_paired_t_tests(mean, spread, pairs, level):
    values, reference = with_differences(mean, spread, pairs)
    margin = 0.5
    found = equivalence(values, reference, margin, level)
    above = stats.ttest_rel(values + margin, reference, alternative="greater").pvalue
    below = stats.ttest_rel(values - margin, reference, alternative="less").pvalue
    assert found.p_value == pytest.approx(max(above, below), rel=1e-9)
    low, high = stats.ttest_rel(values, reference).confidence_interval(1 - 2 * level)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.is_shown == (-margin < low and high < margin)


def test_equivalence_is_shown_wrongly_in_five_of_a_hundred_at_the_margin():
    """The true difference is the margin itself: the size of the test is its level."""
    differences = np.random.default_rng(5).normal(0.5, 0.05, (4000, 6))
    shown = [equivalence(row, np.zeros(6), 0.5).is_shown for row in differences]
    assert np.mean(shown) == pytest.approx(0.05, abs=0.012)  # 3.5 standard errors


@pytest.mark.parametrize(("shift", "is_shown"), [(0.0, True), (0.4, True), (0.6, False)])
def test_differences_that_are_all_equal_are_within_the_margin_or_not(shift, is_shown):
    reference = np.array([0.91, 0.83, 0.77])
    assert equivalence(reference + shift, reference, 0.5).is_shown == is_shown


@pytest.mark.parametrize(
    ("margin", "level", "message"),
    [(0.0, 0.05, "margin"), (-1.0, 0.05, "margin"), (np.nan, 0.05, "margin"), (1.0, 0.5, "level")],
)
def test_a_margin_or_level_out_of_range_is_an_error(margin, level, message):
    with pytest.raises(InputError, match=message):
        equivalence(np.array([1.0, 2.0]), np.array([1.0, 1.5]), margin, level)
