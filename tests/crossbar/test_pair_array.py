"""The devices of a tile: what writes and refreshes do to weights, and what they leave undone."""

import warnings

import numpy as np
import pytest

from crossbar.pair_array import PairArray, expected_rise_uS, mean_step_uS, most_pulses
from crossbar.specs import ArraySpec, ProgramSpec, RefreshSpec
from device_models.faults import Faults
from device_models.training import ExpStep, Linear, Nandakumar2018

ALL_PAIRS = {"above": 1e-6, "other_above": 0.0, "every_updates": 1}


def array_of(model, n=20_000):
    return PairArray((n // 100, 100), model, ArraySpec(), Faults(), False, (0, 0, 0))


def filled(model, n=20_000):
    """Pairs with differences N(0, 2 µS) and a common mode of 2 to 8 µS, and the differences."""
    array = array_of(model, n)
    rng = np.random.default_rng(0)
    difference, common = rng.normal(0.0, 2.0, n), rng.uniform(2.0, 8.0, n)
    array.g_plus[...] = (common + difference / 2).clip(0.01, model.g_max_uS).reshape(array.shape)
    array.g_minus[...] = (common - difference / 2).clip(0.01, model.g_max_uS).reshape(array.shape)
    return array, array.g_plus - array.g_minus


@pytest.mark.parametrize("model", [Nandakumar2018(), ExpStep(), Linear()])
def test_a_refresh_keeps_the_weights_in_the_mean(model):
    array, before = filled(model)
    array.refresh_if_due(RefreshSpec(**ALL_PAIRS))
    error = array.g_plus - array.g_minus - before
    assert array.counters.refreshes == before.size
    assert 1.0 + (error * before).sum() / (before * before).sum() == pytest.approx(1.0, abs=0.05)
    assert (np.sign(before) * error).mean() == pytest.approx(0.0, abs=0.05)


def test_a_refresh_that_runs_out_of_pulses_is_counted_and_said_once():
    model = Linear(step_uS=0.01)
    array, before = filled(model)
    with pytest.warns(UserWarning, match="refreshed pairs lost weight: 64 SET pulses"):
        array.refresh_if_due(RefreshSpec(max_pulses=64, **ALL_PAIRS))
    missed = array.counters.refresh_missed
    assert missed == pytest.approx((np.abs(before) > 0.655).sum(), rel=0.02)
    left = np.abs(array.g_plus - array.g_minus)
    assert left.max() < 0.641
    array.g_plus += 5.0
    array.g_minus += 5.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array.refresh_if_due(RefreshSpec(max_pulses=1, **ALL_PAIRS))
        assert array.counters.refresh_missed > missed
        whole, before = filled(model)
        whole.refresh_if_due(RefreshSpec(**ALL_PAIRS))
    assert whole.counters.refresh_missed == 0
    np.testing.assert_allclose(whole.g_plus - whole.g_minus, before, atol=0.0101)


@pytest.mark.parametrize("kind", ["open_loop", "write_verify"])
def test_a_program_has_as_many_pulses_as_the_range_asks_for_and_counts_what_it_misses(kind):
    model = Linear(step_uS=0.01)
    weights = np.linspace(-1.0, 1.0, 2000, dtype=np.float32).reshape(20, 100)
    array = array_of(model, 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array.write(weights, ProgramSpec(kind=kind))
    assert array.counters.program_missed == 0
    np.testing.assert_allclose((array.g_plus - array.g_minus) / 25.0, weights, atol=0.0005)
    with pytest.warns(UserWarning, match="pairs were not programmed to their weights within 200"):
        array.write(weights, ProgramSpec(kind=kind, max_pulses=200))
    assert array.counters.program_missed == pytest.approx(2000 * (1.0 - 2.0 / 25.0), abs=3)


def test_the_pulses_of_a_write_follow_range_and_step():
    assert most_pulses(Linear()) == 4 * 50
    assert most_pulses(Linear(step_uS=0.01)) == pytest.approx(4 * 2500, rel=0.01)
    assert most_pulses(Nandakumar2018()) == 4 * -(-11.9 // mean_step_uS(Nandakumar2018(), 1.0))


def test_the_expected_rise_of_a_model_is_that_of_its_first_steps():
    np.testing.assert_allclose(
        expected_rise_uS(Linear(step_uS=5.0), 9), [0, 5, 10, 15, 20, 25], rtol=1e-6
    )
    for model in (Nandakumar2018(), ExpStep()):
        rise = expected_rise_uS(model, 300)
        assert rise[0] == 0.0
        assert rise[1] == pytest.approx(model.granularity_uS, rel=0.03)
        assert (np.diff(rise) >= 0.0).all()
        assert rise[-1] > 0.75 * model.g_max_uS
