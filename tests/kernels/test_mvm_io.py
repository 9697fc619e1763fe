import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import mvm_io
from kernels.mvm_io import Converters
from kernels.oracles import mvm_io as oracle

KEY = np.uint64(7)
NO_VARIANCE = np.empty((0, 0), np.float32)


def noiseless(**changes):
    values = {
        "inp_step": 2.0 / 126,
        "inp_bound": 1.0,
        "inp_noise": 0.0,
        "out_step": 24.0 / 510,
        "out_bound": 12.0,
        "out_noise": 0.0,
        "abs_max": True,
        "max_halvings": 0,
    }
    return Converters(**{**values, **changes})


def near_an_edge(values, step):
    """Where float32 may round to the other side."""
    steps = np.asarray(values, np.float64) / step if step else np.zeros(np.shape(values))
    return np.abs(np.abs(steps) % 1.0 - 0.5) < 1e-3


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    abs_max=st.booleans(),
    step=st.sampled_from([0.0, 2.0 / 126, 2.0 / 14]),
    reduction=st.sampled_from([1.0, 2.0, 8.0]),
)
@settings(max_examples=60, deadline=None)
def test_inputs_follow_the_float64_oracle_to_the_step(seed, shape, abs_max, step, reduction):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    converters = noiseless(abs_max=abs_max, inp_step=step)
    found = mvm_io.dac(x, converters, reduction, KEY, 0)
    expected, scale = oracle.dac(x, converters, reduction)
    assert found is not None
    np.testing.assert_allclose(found[1], scale, rtol=1e-6)
    edge = near_an_edge(x * scale[:, None], step)
    np.testing.assert_allclose(found[0][~edge], expected[~edge], atol=1e-6)
    assert (np.abs(found[0] - expected) <= step * 1.001 + 1e-6).all()


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    step=st.sampled_from([0.0, 24.0 / 510]),
)
@settings(max_examples=60, deadline=None)
def test_outputs_follow_the_float64_oracle_to_the_step(seed, shape, step):
    rng = np.random.default_rng(seed)
    y = rng.normal(scale=8.0, size=shape).astype(np.float32)
    scale = rng.uniform(0.5, 2.0, shape[0]).astype(np.float32)
    converters = noiseless(out_step=step)
    expected = oracle.adc(y, scale, converters)
    edge = near_an_edge(y, step)
    clipped = np.abs(np.rint(y / step) * step if step else y).max() > 12.0
    unclipped = mvm_io.adc(y, NO_VARIANCE, scale, converters, KEY, 0)
    assert unclipped == (not clipped)
    apart = np.abs(y - expected) * scale[:, None]
    assert (apart[~edge] <= 1e-4).all()
    assert (apart <= step * 1.001 + 1e-4).all()


def test_output_noise_has_the_std_asked_for_and_adds_to_the_variance_given():
    converters = noiseless(out_step=0.0, out_noise=0.06)
    scale = np.ones(64, np.float32)
    for variance, std in ((NO_VARIANCE, 0.06), (np.full((64, 512), 0.0064, np.float32), 0.1)):
        y = np.zeros((64, 512), np.float32)
        mvm_io.adc(y, variance, scale, converters, KEY, 1)
        assert y.std() == pytest.approx(std, rel=0.02)
        assert abs(y.mean()) < 0.002


def test_input_noise_has_the_std_asked_for():
    driven = mvm_io.dac(np.zeros((64, 512), np.float32), noiseless(inp_noise=0.1), 1.0, KEY, 1)
    assert driven is not None
    assert driven[0].std() == pytest.approx(0.1, rel=0.02)


def test_vectors_of_zeros_alone_drive_nothing():
    assert mvm_io.dac(np.zeros((3, 4), np.float32), noiseless(), 1.0, KEY, 0) is None
    some = np.zeros((3, 4), np.float32)
    some[1, 2] = -0.5
    rows, scale = mvm_io.dac(some, noiseless(), 1.0, KEY, 0)
    np.testing.assert_allclose(rows[1], [0, 0, -1, 0], atol=1e-6)
    np.testing.assert_array_equal(scale, [1.0, 2.0, 1.0])
    assert not rows[[0, 2]].any()
