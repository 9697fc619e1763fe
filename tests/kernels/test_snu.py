"""The fused kernel of spiking neural units against its float64 oracle, and what must hold for any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import snu
from kernels.column_blocks import WORTH_A_THREAD
from kernels.oracles import snu as oracle
from kernels.threads import get_threads, set_threads

STEPS, BATCH, UNITS = 30, 3, 13
GRADIENTS = ("x", "s0", "y0", "bias", "decay")


def _layer(rng, g, h, inhibition, units=UNITS):
    bias = rng.normal(-0.5, 1.0, units).astype(np.float32)
    decay = rng.uniform(0.3, 1.0, units).astype(np.float32)
    return snu.Layer(bias, decay, g, h, inhibition)


def _floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def _run(layer, drive, s0, y0):
    s, y = np.empty_like(drive), np.empty_like(drive)
    snu.forward(layer, drive, s0, y0, s, y)
    return s, y


def _run_back(layer, s, y, s0, y0, dy, ds_last):
    zeros = np.zeros_like(s0)
    errors = snu.Errors(ds_last.copy(), zeros.copy(), zeros.copy(), zeros.copy())
    da = np.empty_like(s)
    snu.backward(layer, s, y, s0, y0, dy, errors, da)
    return da, errors.s, errors.y, errors.bias.sum(0), errors.decay.sum(0)


def _reference(layer):
    return oracle.Unit(
        weights=np.eye(layer.bias.size),
        recurrent=None,
        bias=layer.bias.astype(np.float64),
        decay=layer.decay.astype(np.float64),
        input_activation=layer.input_activation.name.lower(),
        output=layer.output_function.name.lower().removeprefix("step_"),
        lateral_inhibition=layer.lateral_inhibition,
    )


@pytest.mark.parametrize("inhibition", [False, True])
@pytest.mark.parametrize("h", snu.OutputFunction)
@pytest.mark.parametrize("g", snu.InputActivation)
def test_states_outputs_and_gradients_equal_the_oracle(g, h, inhibition):
    rng = np.random.default_rng(5)
    layer = _layer(rng, g, h, inhibition)
    drive, s0 = _floats(rng, STEPS, BATCH, UNITS), _floats(rng, BATCH, UNITS)
    y0 = rng.integers(0, 2, (BATCH, UNITS)).astype(np.float32)
    dy, ds_last = _floats(rng, STEPS, BATCH, UNITS), _floats(rng, BATCH, UNITS)
    s, y = _run(layer, drive, s0, y0)
    found = _run_back(layer, s, y, s0, y0, dy, ds_last)

    unit = _reference(layer)
    exact = [x.astype(np.float64) for x in (drive, s0, y0)]
    s_exact, y_exact = oracle.forward(unit, *exact)
    np.testing.assert_allclose(s, s_exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(y, y_exact, rtol=1e-5, atol=1e-6)
    gradients = oracle.backward(unit, *exact, dy.astype(np.float64), ds_last.astype(np.float64))
    for name, gradient in zip(GRADIENTS, found, strict=True):
        expected = getattr(gradients, name)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5 * scale, err_msg=name)


def test_any_number_of_threads_gives_the_same_bits():
    rng = np.random.default_rng(1)
    layer = _layer(rng, snu.InputActivation.IDENTITY, snu.OutputFunction.STEP_TANH, False, 64)
    batch = 7
    steps = 3 * WORTH_A_THREAD // (batch * 64)
    drive, dy = _floats(rng, steps, batch, 64), _floats(rng, steps, batch, 64)
    zeros = np.zeros((batch, 64), np.float32)
    threads = get_threads()
    results = []
    try:
        for number in (1, 3):
            set_threads(number)
            s, y = _run(layer, drive, zeros, zeros)
            results.append((s, y, *_run_back(layer, s, y, zeros, zeros, dy, zeros)))
    finally:
        set_threads(threads)
    for one, several in zip(*results, strict=True):
        assert np.array_equal(one, several)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100.0))
def test_a_unit_fires_exactly_above_its_threshold_and_forgets_what_it_held(seed, scale):
    rng = np.random.default_rng(seed)
    layer = _layer(rng, snu.InputActivation.IDENTITY, snu.OutputFunction.STEP_TANH, False)
    drive = _floats(rng, STEPS, BATCH, UNITS) * np.float32(scale)
    zeros = np.zeros((BATCH, UNITS), np.float32)
    s, y = _run(layer, drive, zeros, zeros)
    assert np.array_equal(y, (s + layer.bias > 0).astype(np.float32))
    fired = y[:-1] == 1.0
    assert np.array_equal(s[1:][fired], drive[1:][fired])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_under_lateral_inhibition_one_spike_resets_the_whole_layer(seed):
    rng = np.random.default_rng(seed)
    layer = _layer(rng, snu.InputActivation.IDENTITY, snu.OutputFunction.STEP_TANH, True)
    drive = _floats(rng, STEPS, BATCH, UNITS)
    zeros = np.zeros((BATCH, UNITS), np.float32)
    s, y = _run(layer, drive, zeros, zeros)
    any_fired = y[:-1].max(axis=2) == 1.0
    assert any_fired.any()
    assert np.array_equal(s[1:][any_fired], drive[1:][any_fired])


@pytest.mark.parametrize("g", snu.InputActivation)
def test_nan_stays_in_the_state_to_the_end(g):
    rng = np.random.default_rng(0)
    layer = _layer(rng, g, snu.OutputFunction.STEP_TANH, False)
    drive = _floats(rng, STEPS, BATCH, UNITS)
    drive[4, 1, 2] = np.nan
    zeros = np.zeros((BATCH, UNITS), np.float32)
    s, _ = _run(layer, drive, zeros, zeros)
    assert np.isnan(s[4:, 1, 2]).all()
    assert np.isfinite(np.delete(s[:, 1], 2, axis=1)).all()
