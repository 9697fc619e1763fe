"""Kernels on differential pairs: pulses, refresh, writing, weights, reads."""

from math import exp

import numpy as np
import pytest

from crossbar.pair_array import expected_rise_uS, mean_step_uS, most_pulses, nominal_state
from device_models.training import ExpStep, Linear, Nandakumar2018
from kernels import pair_writing
from kernels.expected_step import expected_step_function
from kernels.oracles import expected_step as step_oracle
from kernels.oracles import pair_pulses as pulses_oracle
from kernels.oracles import pair_read as read_oracle
from kernels.oracles import pair_refresh as refresh_oracle
from kernels.oracles import pair_weights as weights_oracle
from kernels.pair_pulses import CHUNK, Pairs, apply_pulses, pulse_noise
from kernels.pair_read import read_pairs
from kernels.pair_refresh import refresh
from kernels.pair_weights import pair_weights
from kernels.random_streams import stream_key, uniform
from kernels.threads import get_threads, set_threads

PLUS, MINUS, NOISE = (stream_key(0, name) for name in ("plus", "minus", "noise"))
UNDATED = np.empty(0, np.int32)


@pytest.fixture
def _restore_threads():
    before = get_threads()
    yield
    set_threads(before)


def fresh(model, n, sharing=1, dated=False, g=None):
    devices = sharing * n
    both = []
    for polarity in range(2):
        values = np.zeros(devices, np.float32) if g is None else g[polarity].reshape(-1).copy()
        both.append((values, model.fresh_state(devices, polarity)))
    last = [np.zeros(devices, np.int32) if dated else UNDATED for _ in range(2)]
    return Pairs(both[0][0], both[1][0], both[0][1], both[1][1], *last)


def random_g(model, n, sharing=1, seed=0):
    return (
        np.random.default_rng(seed).uniform(0, model.g_max_uS, (2, sharing, n)).astype(np.float32)
    )


@pytest.mark.parametrize("sharing", [1, 3])
@pytest.mark.parametrize("n", [1, CHUNK, 3 * CHUNK + 5])
def test_pulses_without_noise_follow_the_oracle(sharing, n):
    model = Linear(g_max_uS=25.0, step_uS=0.5)
    g = random_g(model, n, sharing)
    counts = np.random.default_rng(1).integers(-4, 5, n).astype(np.int16)
    counts[: n // 2] = 0
    pairs = fresh(model, n, sharing, dated=True, g=g)
    apply_pulses(model.set_pulse, pairs, counts, 2, 9, model.constants(), NOISE)
    plus, minus = pulses_oracle.apply_pulses(lambda x: min(x + 0.5, 25.0), g[0], g[1], counts, 2)
    np.testing.assert_allclose(pairs.g_plus.reshape(sharing, n), plus, rtol=1e-6)
    np.testing.assert_allclose(pairs.g_minus.reshape(sharing, n), minus, rtol=1e-6)
    np.testing.assert_array_equal(
        pairs.last_plus.reshape(sharing, n) == 9, pairs.g_plus.reshape(sharing, n) != g[0]
    )


def test_the_noise_of_pulses_is_that_of_the_device_model():
    model = Nandakumar2018()
    n = 40_000
    pairs = fresh(model, n)
    apply_pulses(model.set_pulse, pairs, np.full(n, 3, np.int16), 0, 1, model.constants(), NOISE)
    devices = model.set_pulses(model.new_devices(n, 3), 3, 4)
    # new_devices starts from a RESET at 0.1 µS, these from 0.
    assert pairs.g_plus.mean() == pytest.approx(devices.g_uS.mean() - 0.08, rel=0.02)
    assert pairs.g_plus.std() == pytest.approx(devices.g_uS.std(), rel=0.02)
    assert not pairs.g_minus.any()


@pytest.mark.usefixtures("_restore_threads")
def test_pulses_and_refresh_have_the_same_bits_for_any_number_of_threads():
    model = Nandakumar2018()
    n = 1 << 19
    g = random_g(model, n)
    counts = np.random.default_rng(1).integers(-1, 2, n).astype(np.int16)
    found = []
    for threads in (1, 2):
        set_threads(threads)
        pairs = fresh(model, n, g=g)
        constants = model.constants()
        apply_pulses(model.set_pulse, pairs, counts, 0, 1, constants, NOISE)
        refresh_all(model, pairs, 9.0, 1.5)
        found.append(pairs)
    np.testing.assert_array_equal(found[0].g_plus, found[1].g_plus)
    np.testing.assert_array_equal(found[0].g_minus, found[1].g_minus)


def test_a_refresh_keeps_differences_and_touches_full_pairs_alone():
    model = Linear(g_max_uS=25.0, step_uS=0.1)
    g = random_g(model, 5000)
    pairs = fresh(model, 5000, g=g)
    refreshed, pulses, missed = refresh_all(model, pairs, 18.75, 3.0)
    full = (g.max(axis=0) > 18.75) & (g.min(axis=0) > 3.0)
    full = full[0]
    assert refreshed == full.sum() > 0
    assert missed == 0
    before = g[0, 0] - g[1, 0]
    after = pairs.g_plus - pairs.g_minus
    # To one of the two multiples of a step around it.
    np.testing.assert_allclose(after, before, atol=0.1001)
    np.testing.assert_array_equal(pairs.g_plus[~full], g[0, 0][~full])
    assert (np.minimum(pairs.g_plus, pairs.g_minus)[full] == 0.0).all()
    assert pulses == pytest.approx(np.abs(before[full]).sum() / 0.1, rel=0.02)


MODELS = [Nandakumar2018(), ExpStep(), Linear(), Linear(step_noise=0.3)]


@pytest.mark.parametrize("model", MODELS)
def test_a_refresh_has_no_bias(model):
    n = 30_000
    g, before = full_pairs(model, n)
    pairs = fresh(model, n, g=g)
    refreshed, _, missed = refresh_all(model, pairs, 0.0, -1.0)
    assert refreshed == n
    assert missed < 1e-3 * n
    error = (pairs.g_plus - pairs.g_minus) - before
    assert 1.0 + (error @ before) / (before @ before) == pytest.approx(1.0, abs=0.02)
    assert (np.sign(before) * error).mean() == pytest.approx(0.0, abs=0.03)
    # Not only on average over all sizes: the small ones, which one pulse overshoots, and the large ones too.
    for smallest, largest in ((0.0, 0.3), (0.3, 1.0), (1.0, 3.0), (3.0, 6.0)):
        part = (np.abs(before) >= smallest) & (np.abs(before) < largest)
        signed = (np.sign(before) * error)[part]
        assert signed.mean() == pytest.approx(0.0, abs=4.0 * signed.std() / np.sqrt(part.sum()))


def full_pairs(model, n):
    rng = np.random.default_rng(0)
    difference, common = rng.normal(0.0, 2.0, n), rng.uniform(2.0, 8.0, n)
    g = np.stack([common + difference / 2, common - difference / 2]).clip(0.0, model.g_max_uS)
    g = g.astype(np.float32)[:, None]
    return g, (g[0] - g[1])[0]


def test_a_refresh_counts_the_pairs_that_its_pulses_do_not_bring_back():
    model = Linear(step_uS=0.01)
    g, before = full_pairs(model, 5000)
    pairs = fresh(model, 5000, g=g)
    _, _, missed = refresh_all(model, pairs, 0.0, -1.0, max_pulses=64)
    short = (np.abs(before) > 0.65).sum()
    assert missed == pytest.approx(short, abs=30)
    assert np.abs(pairs.g_plus - pairs.g_minus).max() < 0.641
    # By default there are as many pulses as the range and the step ask for.
    pairs = fresh(model, 5000, g=g)
    assert refresh_all(model, pairs, 0.0, -1.0)[2] == 0
    np.testing.assert_allclose(pairs.g_plus - pairs.g_minus, before, atol=0.0101)


def refresh_all(model, pairs, above_uS, other_above_uS, max_pulses=None):
    return refresh(
        model.set_pulse,
        model.reset_pulse,
        pairs,
        above_uS,
        other_above_uS,
        nominal_state(model),
        max_pulses or most_pulses(model),
        model.granularity_uS,
        1,
        model.constants(),
        PLUS,
        MINUS,
    )


def nandakumar_step(model):
    """(g, earlier pulses) to mean and std of the next step, in float64."""
    slope, offset, memory, *noise = model.constants().astype(float)[1:7]

    def step(g, pulses):
        p = exp(-(pulses + 1) / 2.6)
        return slope * g + offset + memory * p, noise[0] * g + noise[1] + noise[2] * p

    return step


def test_the_expected_step_is_that_of_the_closed_form():
    model = Nandakumar2018()
    found = expected_step_function(model.set_pulse)
    step = nandakumar_step(model)
    for pulses in (0, 3, 10):
        memory = np.array([[exp(-pulses / 2.6)]], np.float32)
        for g in (0.1, 1.0, 5.0, 9.0, 11.9):
            expected = step_oracle.expected_step(g, *step(g, pulses), 0.1, 12.0)
            assert found(np.float32(g), memory, model.constants()) == pytest.approx(
                expected, abs=0.025
            )
        assert memory[0, 0] == np.float32(exp(-pulses / 2.6))
    assert step_oracle.expected_step(0.1, *step(0.1, 0), 0.1, 12.0) == pytest.approx(
        model.granularity_uS, rel=1e-6
    )


def test_a_refresh_follows_the_float64_oracle():
    model = Nandakumar2018()
    n = 400
    g, before = full_pairs(model, n)
    pairs = fresh(model, n, g=g)
    refresh_all(model, pairs, 0.0, -1.0)
    step = nandakumar_step(model)

    def noise(key, i):
        return (float(pulse_noise(key, i, (1 << 32) + draw)) for draw in range(1, 1000))

    def set_pulse(g, pulses, z):
        mean, std = step(g, pulses)
        return min(max(g + mean + std * z, 0.1), 12.0)

    def expected(g, pulses):
        return step_oracle.expected_step(g, *step(g, pulses), 0.1, 12.0)

    after = []
    for i in range(n):
        levels = [0.1 + 0.01 * float(pulse_noise(key, i, 1 << 32)) for key in (PLUS, MINUS)]
        chance = float(uniform(PLUS, np.uint64(i), np.uint64((1 << 32) + 0xFFFFFFFF)))
        streams = noise(PLUS, i), noise(MINUS, i)
        plus, minus, _ = refresh_oracle.refresh_pair(
            float(before[i]), levels, set_pulse, expected, streams, chance, 300
        )
        after.append(plus - minus)
    same = np.isclose(pairs.g_plus - pairs.g_minus, after, atol=1e-4)
    # The quadrature's expected step is up to 0.02 µS off the closed form, so that a few decisions differ.
    assert same.mean() > 0.97


def write(model, targets, how, tolerance_uS=0.25, max_pulses=400):
    pairs = fresh(model, targets.size)
    result = pair_writing.write_pairs(
        model.set_pulse,
        model.reset_pulse,
        pairs,
        targets,
        how,
        model.g_min_uS,
        tolerance_uS,
        max_pulses,
        expected_rise_uS(model, max_pulses),
        1,
        model.constants(),
        PLUS,
        MINUS,
    )
    return pairs, result


@pytest.mark.parametrize("model", [Nandakumar2018(), ExpStep(), Linear(step_uS=0.1)])
def test_an_exact_write_leaves_the_targets_themselves(model):
    targets = np.linspace(-0.6, 0.6, 1001).astype(np.float32) * np.float32(model.g_max_uS)
    pairs, (pulses, resets, missed) = write(model, targets, pair_writing.EXACT)
    np.testing.assert_allclose(pairs.g_plus - pairs.g_minus, targets, atol=1e-5)
    assert (pulses, resets, missed) == (0, 2 * targets.size, 0)


def test_an_exact_write_leaves_the_memory_of_a_device_that_was_pulsed_there():
    model = Nandakumar2018()
    pairs, _ = write(model, np.array([0.0, 0.5, 4.0, 8.0], np.float32), pair_writing.EXACT)
    memory = pairs.state_plus[0]
    assert memory[0] == 1.0
    assert (np.diff(memory) <= 0.0).all()
    assert memory[-1] < 0.05


def test_write_and_verify_ends_within_the_tolerance_or_is_counted():
    model = Nandakumar2018()
    targets = np.random.default_rng(0).uniform(-9, 9, 4000).astype(np.float32)
    pairs, (pulses, resets, missed) = write(model, targets, pair_writing.WRITE_VERIFY)
    error = np.abs(pairs.g_plus - pairs.g_minus - targets)
    assert (error > 0.25001).sum() == missed < 10
    assert pulses > 0
    assert resets > 2 * targets.size
    _, (_, _, missed) = write(model, targets, pair_writing.WRITE_VERIFY, max_pulses=1)
    assert missed > 2000


def test_an_open_loop_write_is_right_in_the_mean_and_noisier_than_verified():
    model = Nandakumar2018()
    targets = np.full(20_000, 5.0, np.float32)
    blind, (pulses, resets, _) = write(model, targets, pair_writing.OPEN_LOOP)
    verified, _ = write(model, targets, pair_writing.WRITE_VERIFY)
    assert resets == 2 * targets.size
    assert pulses > 3 * targets.size
    assert (blind.g_plus - blind.g_minus).mean() == pytest.approx(5.0, rel=0.01)
    assert blind.g_plus.std() > 5 * verified.g_plus.std()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", [pair_writing.OPEN_LOOP, pair_writing.WRITE_VERIFY])
def test_a_write_has_no_bias(model, how):
    _, targets = full_pairs(model, 30_000)
    half_a_step = 0.5 * mean_step_uS(model, 1.0)
    pairs, (_, _, missed) = write(model, targets, how, tolerance_uS=half_a_step)
    assert missed < 0.02 * targets.size
    error = (pairs.g_plus - pairs.g_minus) - targets
    assert 1.0 + (error @ targets) / (targets @ targets) == pytest.approx(1.0, abs=0.02)
    assert (np.sign(targets) * error).mean() == pytest.approx(0.0, abs=0.03)


def test_an_open_loop_write_counts_the_targets_beyond_its_pulses():
    model = Linear(step_uS=0.1)
    targets = np.array([0.55, -0.95, 1.05, -3.0, 0.0], np.float32)
    pairs, (_, _, missed) = write(
        model, targets, pair_writing.OPEN_LOOP, tolerance_uS=0.05001, max_pulses=10
    )
    assert missed == 1
    np.testing.assert_allclose(
        pairs.g_plus - pairs.g_minus, [0.55, -0.95, 1.0, -1.0, 0.0], atol=0.0501
    )


@pytest.mark.parametrize("sharing", [1, 4])
def test_weights_follow_the_float64_oracle(sharing):
    g = random_g(Linear(), 777, sharing)
    found = np.empty(777, np.float32)
    pair_weights(g[0], g[1], 0.04, found)
    np.testing.assert_allclose(found, weights_oracle.pair_weights(g[0], g[1], 0.04), atol=2e-6)


@pytest.mark.parametrize("sharing", [1, 4])
@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("later_s", [0.0, 5.0, 86400.0])
def test_drift_and_read_moments_follow_the_float64_oracle(sharing, noise, dated, later_s):
    model = Nandakumar2018()
    n = 500
    g = random_g(model, n, sharing)
    g[:, :, :40], g[:, :, 40:80] = 0.1, 12.0
    pairs = fresh(model, n, sharing, dated=dated, g=g)
    ages = [np.full((sharing, n), later_s)] * 2
    if dated:
        rng = np.random.default_rng(3)
        pairs.last_plus[:] = rng.integers(0, 90, sharing * n)
        pairs.last_minus[:] = rng.integers(0, 90, sharing * n)
        ages = [
            (91 - last.reshape(sharing, n)) * 2.0 + later_s
            for last in (pairs.last_plus, pairs.last_minus)
        ]
    weights = np.empty(n, np.float32)
    variance = np.empty(n if noise else 0, np.float32)
    read_pairs(pairs, model.read_law, 2.0, later_s, 90, 0.08, weights, variance)
    nu = [state[1].reshape(sharing, n) for state in (pairs.state_plus, pairs.state_minus)]
    expected = read_oracle.read_pairs(g, nu, ages, model.read_law, 0.08, noise)
    np.testing.assert_allclose(weights, expected[0], atol=3e-6)
    if noise:
        np.testing.assert_allclose(variance, expected[1], rtol=3e-5)
