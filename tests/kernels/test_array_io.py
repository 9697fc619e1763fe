import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.array_io import drive, sense
from kernels.oracles import array_io as oracle
from kernels.random_streams import stream_key
from kernels.threads import get_threads, set_threads

KEY = stream_key(1, "outputs")
SHAPES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 70)),
    st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 40)),
    st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20)),
)


def near_an_edge(values, step):
    """Where float32 may round to the other side."""
    steps = np.where(step > 0.0, step, 1.0)
    return (np.abs(np.abs(values / steps) % 1.0 - 0.5) < 1e-3) & (step > 0.0)


def from_bfloat16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_bfloat16(values):
    return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=SHAPES,
    step=st.sampled_from([0.0, 2.0 / 126, 2.0 / 14]),
    bound=st.sampled_from([1.0, np.inf]),
    factor=st.sampled_from([1.0, 0.4]),
)
@settings(max_examples=60, deadline=None)
def test_inputs_follow_the_float64_oracle_to_the_step(seed, shape, step, bound, factor):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    carried, squares = drive(x, factor, step, bound, True)
    expected = oracle.drive(x, factor, step, bound)
    edge = near_an_edge(x * factor, np.asarray(step))
    np.testing.assert_allclose(carried[~edge], expected[~edge], atol=1e-6)
    assert (np.abs(carried - expected) <= step * 1.001 + 1e-6).all()
    assert squares is not None
    np.testing.assert_allclose(from_bfloat16(squares), carried**2, rtol=2.0**-8)
    assert drive(x, factor, step, bound, False)[1] is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_no_converter_drives_is_nan(value):
    x = np.array([[0.5, value, 2.0]], np.float32)
    carried, _ = drive(x, 1.0, 2.0 / 254, 1.0, False)
    assert np.isnan(carried).tolist() == [[False, True, False]]
    y = np.array([[0.5, np.nan, 2.0]], np.float32)
    one = np.ones(3, np.float32)
    sense(y, None, one / 100, one, one, 0.0, KEY, 0)
    assert np.isnan(y).tolist() == [[False, True, False]]


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=SHAPES,
    quantised=st.booleans(),
    adds=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_outputs_follow_the_float64_oracle_to_the_step(seed, shape, quantised, adds):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=shape).astype(np.float32)
    n_out = shape[1]
    step = (rng.uniform(0.01, 0.1, n_out) * quantised).astype(np.float32)
    bound = rng.uniform(0.5, 3.0, n_out).astype(np.float32)
    scale = rng.uniform(0.1, 2.0, n_out).astype(np.float32)
    before = rng.normal(size=shape).astype(np.float32) if adds else None
    expected, clipped = oracle.sense(y, step, bound, scale)
    per_node = (1, -1, *(1,) * (y.ndim - 2))
    edge = near_an_edge(y, step.reshape(per_node))
    found = y.copy()
    into = None if before is None else before.copy()
    flags = sense(found, None, step, bound, scale, 0.0, KEY, 0, into)
    if before is not None:
        assert into is not None
        found, expected = into, expected + before
    np.testing.assert_allclose(found[~edge], expected[~edge], atol=3e-6)
    assert (np.abs(found - expected) <= (step * scale).reshape(per_node) * 1.001 + 3e-6).all()
    if not edge.any():
        assert (flags.astype(bool) == clipped).all()


def test_noise_has_the_variance_that_it_is_given_and_comes_before_the_converter():
    shape = (50, 3, 40, 40)
    one = np.ones(3, np.float32)
    variance = np.broadcast_to(
        np.array([0.0, 0.01, 0.25], np.float32).reshape(1, 3, 1, 1), shape
    ).copy()
    y = np.zeros(shape, np.float32)
    sense(y, to_bfloat16(variance), one * 0, one * np.inf, one, 0.3, KEY, 0)
    count = shape[0] * shape[2] * shape[3]
    for channel, own in enumerate((0.0, 0.01, 0.25)):
        expected = np.sqrt(own + 0.09)
        assert y[:, channel].mean() == pytest.approx(0.0, abs=3 * expected / np.sqrt(count))
        # bfloat16 holds a variance to 0.4 %.
        assert y[:, channel].std() == pytest.approx(expected, rel=3 / np.sqrt(2 * count) + 2e-3)
    again = np.zeros(shape, np.float32)
    sense(again, to_bfloat16(variance), one * 0.5, one, one, 0.3, KEY, 0)
    np.testing.assert_array_equal(again, np.clip(np.rint(y / 0.5) * 0.5, -1, 1))


def test_the_bits_depend_on_neither_the_threads_nor_on_what_was_drawn_before():
    shape = (64, 16, 32, 32)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=shape).astype(np.float32)
    variance = to_bfloat16(rng.uniform(0.0, 0.1, shape))
    one = np.ones(shape[1], np.float32)
    before = get_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            y, _ = drive(inputs, 0.5, 2.0 / 254, 1.0, False)
            sense(y, variance, one / 50, one, one, 0.1, KEY, 5)
            results.append(y)
    finally:
        set_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    other, _ = drive(inputs, 0.5, 2.0 / 254, 1.0, False)
    sense(other, variance, one / 50, one, one, 0.1, KEY, 6)
    assert (other != results[0]).mean() > 0.5
