import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import pulse_counts
from kernels.oracles import pulse_counts as oracle
from kernels.random_streams import stream_key
from kernels.threads import get_threads, set_threads

KEY = stream_key(0, "rounding")


def test_rounded_pulses_are_right_in_the_mean():
    update = np.repeat(np.array([0.0, 0.01, -0.3, 1.7, -2.0, 5.5], np.float32), 20_000)
    counts, total, saturated = pulse_counts.rounded_pulses(update, 1.0, 64, KEY, 1)
    assert total == np.abs(counts.astype(int)).sum()
    assert saturated == 0
    for value in np.unique(update):
        own = counts[update == value]
        assert own.mean() == pytest.approx(float(value), abs=0.01)
        assert set(np.unique(own)) <= {int(np.floor(value)), int(np.ceil(value))}
    np.testing.assert_array_equal(counts[update == 0.0], 0)


def test_more_pulses_than_the_limit_saturate_and_are_counted():
    update = np.array([3.0, -70.0, 64.0, 1000.0, np.inf], np.float32)
    counts, total, saturated = pulse_counts.rounded_pulses(update, 1.0, 64, KEY, 1)
    np.testing.assert_array_equal(counts, oracle.mean_pulses(update, 1.0, 64))
    assert (total, saturated) == (3 + 4 * 64, 3)


@given(
    seed=st.integers(0, 2**32 - 1),
    bits=st.sampled_from([2, 5, 8, 12, 16, 24, 32]),
    n=st.integers(1, 3000),
    limit=st.sampled_from([1, 64]),
)
@settings(max_examples=60, deadline=None)
def test_chi_keeps_what_it_does_not_give_off(seed, bits, n, limit):
    full = 1 << (bits - 1)
    word = np.int8 if bits <= 8 else np.int16 if bits <= 16 else np.int32
    rng = np.random.default_rng(seed)
    chi = rng.integers(-(full - 1), full, n).astype(word)
    # Whole increments need no rounding, so that the oracle is exact.
    increments = (
        rng.integers(-3 * full, 3 * full + 1, n) if bits <= 16 else rng.integers(-999, 999, n)
    )
    expected_chi, expected = oracle.transfer(chi, increments, full, limit)
    counts, total, saturated = pulse_counts.transferred_pulses(
        chi, increments.astype(np.float32), 1.0, full, limit, KEY, 1
    )
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(chi, expected_chi)
    assert total == np.abs(expected).sum()
    assert np.abs(chi.astype(np.int64)).max() < full
    if limit == 64:
        assert saturated == 0


def test_fractions_of_a_unit_reach_chi_in_the_mean():
    chi = np.zeros(50_000, np.int16)
    pulse_counts.transferred_pulses(
        chi, np.full(chi.size, 0.3, np.float32), 1.0, 1 << 15, 64, KEY, 1
    )
    assert chi.mean() == pytest.approx(0.3, abs=0.01)


def test_the_bits_do_not_depend_on_the_number_of_threads():
    before = get_threads()
    update = np.random.default_rng(0).normal(size=1 << 19).astype(np.float32)
    found = []
    for threads in (1, 2):
        set_threads(threads)
        found.append(pulse_counts.rounded_pulses(update, 1.0, 64, KEY, 1)[0])
    set_threads(before)
    np.testing.assert_array_equal(*found)
