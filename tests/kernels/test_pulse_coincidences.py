import numpy as np
import pytest

from device_models.training import Linear
from kernels.pair_pulses import Pairs
from kernels.pulse_coincidences import coincident_pulses
from kernels.random_streams import stream_key

TRAINS, NOISE = stream_key(0, "trains"), stream_key(0, "noise")
STEP_US = 1e-3
MODEL = Linear(g_max_uS=25.0, step_uS=STEP_US)
UNDATED = np.empty(0, np.int32)


def pulses_of(x, d, per_product, slots, repeats, sharing=1):
    """Net pulses per crosspoint [n_out, n_in], summed over the repeats, and the kernel's own count."""
    n = x.shape[1] * d.shape[1]
    none = np.empty((0, sharing * n), np.float32)
    g = [np.zeros(sharing * n, np.float32) for _ in range(2)]
    pairs = Pairs(*g, none, none, UNDATED, UNDATED)
    fired = saturated = 0
    for update in range(repeats):
        now = coincident_pulses(
            MODEL.set_pulse,
            pairs,
            x,
            d,
            per_product,
            slots,
            update * slots,
            update,
            MODEL.constants(),
            TRAINS,
            NOISE,
        )
        fired, saturated = fired + now[0], saturated + now[1]
    plus, minus = (np.rint(side / STEP_US).reshape(sharing, d.shape[1], -1) for side in g)
    return plus, minus, fired, saturated


@pytest.mark.parametrize("slots", [1, 8, 63])
def test_coincidences_are_right_in_the_mean(slots):
    rng = np.random.default_rng(1)
    x = rng.uniform(0.2, 1.0, (3, 5)).astype(np.float32)
    d = rng.normal(size=(3, 4)).astype(np.float32)
    x[0, 2] = d[1, 3] = 0.0
    repeats = 10_000
    per_product = 0.2
    plus, minus, fired, saturated = pulses_of(x, d, per_product, slots, repeats)
    assert saturated == 0
    assert fired == plus.sum() + minus.sum()
    expected = -per_product * d.T.astype(np.float64) @ x
    gross = per_product * np.abs(d).T.astype(np.float64) @ np.abs(x)
    found = (plus - minus)[0] / repeats
    assert (np.abs(found - expected) < 4.5 * np.sqrt(gross / repeats)).all()


def test_no_pulse_where_an_input_or_an_error_is_zero():
    x = np.array([[1.0, 0.0, -1.0]], np.float32)
    d = np.array([[0.0, 1.0]], np.float32)
    plus, minus, _, _ = pulses_of(x, d, 3.0, 8, 200)
    assert not plus[0, 0].any()
    assert not minus[0, 0].any()
    assert plus[0, 1, 1] == minus[0, 1, 1] == 0
    assert plus[0, 1, 2] > 0
    assert minus[0, 1, 0] > 0
    assert plus[0, 1, 0] == minus[0, 1, 2] == 0


def test_a_train_that_cannot_hold_its_pulses_saturates_and_is_counted():
    one = np.ones((1, 1), np.float32)
    _, minus, fired, saturated = pulses_of(one, one, 20.0, 8, 5)
    assert saturated == 5
    assert fired == minus.sum() == 40


def test_the_devices_that_share_a_synapse_take_turns():
    one = np.ones((1, 1), np.float32)
    _, minus, _, _ = pulses_of(one, one, 6.0, 6, 50, sharing=3)
    np.testing.assert_array_equal(minus[:, 0, 0], 100)
