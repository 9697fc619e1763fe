"""Programming, drift exponents, reads and table draws against their float64 oracles."""

import numpy as np
import pytest

from kernels import threads
from kernels.drift_exponents import ClippedLogarithm, draw_drift_exponents
from kernels.drifted_read import drifted_moments, drifted_read
from kernels.oracles import drift_exponents as drift_exponents_oracle
from kernels.oracles import drifted_read as drifted_read_oracle
from kernels.oracles import programming as programming_oracle
from kernels.oracles import pulse_read as pulse_read_oracle
from kernels.oracles import relative_noise as relative_noise_oracle
from kernels.oracles import table_draw as table_draw_oracle
from kernels.programming import program
from kernels.pulse_read import read_after_pulse
from kernels.random_streams import TILE, stream_key
from kernels.read_law import ReadLaw
from kernels.relative_noise import relative_noise
from kernels.table_draw import draw_from_table

N = 3 * TILE + 100
KEY = stream_key(11, "device kernels")
SIGMA = (0.26348, 1.9650, -1.1731)
MEAN = ClippedLogarithm(-0.0155, 0.0244, 0.049, 0.1)
STD = ClippedLogarithm(-0.0125, -0.0059, 0.008, 0.045)
ALIKE = np.ones(1, np.float32)


@pytest.fixture
def target():
    return np.linspace(0.0, 25.0, N).astype(np.float32)


@pytest.fixture(params=["alike", "different"])
def factor(request):
    return ALIKE if request.param == "alike" else np.linspace(0.5, 1.5, N).astype(np.float32)


def test_programming(target, factor):
    g = program(target, factor, 25.0, SIGMA, 1.25, KEY)
    expected = programming_oracle.program(
        target.astype(float), factor.astype(float), 25.0, SIGMA, 1.25, int(KEY)
    )
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, expected, atol=2e-5)


def test_drift_exponents(target, factor):
    nu_factor = np.ascontiguousarray(factor[::-1])
    nu = draw_drift_exponents(target, factor, nu_factor, 25.0, MEAN, STD, 0.7, KEY)
    expected = drift_exponents_oracle.draw_drift_exponents(
        *(a.astype(float) for a in (target, factor, nu_factor)), 25.0, MEAN, STD, 0.7, int(KEY)
    )
    np.testing.assert_allclose(nu, expected, atol=1e-6)


@pytest.mark.parametrize("log_time_ratio", [0.0, 14.3])
def test_drifted_read(target, factor, log_time_ratio):
    nu = np.linspace(0.0, 0.2, N).astype(np.float32)
    noise = np.linspace(0.2, 0.01, N).astype(np.float32)
    limit = np.float32(25.0) * factor
    read = np.empty_like(target)
    drifted_read(target, nu, noise, limit, log_time_ratio, 5.6, KEY, read)
    expected = drifted_read_oracle.drifted_read(
        *(a.astype(float) for a in (target, nu, noise, limit)), log_time_ratio, 5.6, int(KEY)
    )
    np.testing.assert_allclose(read, expected, rtol=2e-6, atol=3e-5)


@pytest.mark.parametrize("amplitude", [0.0, 5.6])
def test_moments_of_drifted_reads(target, factor, amplitude):
    nu = np.linspace(0.0, 0.2, N).astype(np.float32)
    noise = np.linspace(0.2, 0.01, N).astype(np.float32)
    limit = np.float32(25.0) * factor
    mean, variance = drifted_moments(target, nu, noise, limit, 1.3, amplitude)
    wanted, spread = drifted_read_oracle.drifted_moments(
        *(a.astype(float) for a in (target, nu, noise, limit)), 1.3, amplitude
    )
    np.testing.assert_allclose(mean, wanted, rtol=5e-6, atol=1e-5)
    np.testing.assert_allclose(variance, spread, rtol=2e-5, atol=1e-5)


def test_relative_noise(target, factor):
    g_max = np.float32(25.0) * factor
    noise = relative_noise(target, g_max, 0.0088, 0.65, 0.2)
    expected = relative_noise_oracle.relative_noise(
        target.astype(float), g_max.astype(float), 0.0088, 0.65, 0.2
    )
    np.testing.assert_allclose(noise, expected, rtol=2e-6)


@pytest.mark.parametrize("seconds", [np.array([3600.0]), np.array([0.0]), np.linspace(0.0, 1e6, N)])
def test_read_after_pulse(target, seconds):
    law = ReadLaw(1, 38.6, 0.03, 0.13, 25.0)
    state = np.stack([np.ones(N), np.linspace(0.0, 0.1, N)]).astype(np.float32)
    g = read_after_pulse(target, state, seconds.astype(np.float32), law, KEY)
    expected = pulse_read_oracle.read_after_pulse(
        target.astype(float), state.astype(float), seconds, law, int(KEY)
    )
    np.testing.assert_allclose(g, expected, atol=3e-5)


def test_table_draw(target):
    knots, mean, std = (np.array(c) for c in ([0.0, 3.0, 25.0], [0.2, 3.5, 24.0], [0.1, 1.0, 0.5]))
    g = draw_from_table(target, *(c.astype(np.float32) for c in (knots, mean, std)), KEY)
    expected = table_draw_oracle.draw_from_table(target.astype(float), knots, mean, std, int(KEY))
    np.testing.assert_allclose(g, expected, atol=3e-5)


def test_bits_do_not_depend_on_threads():
    n = 600_000
    target, nu = np.full(n, 10.0, np.float32), np.full(n, 0.05, np.float32)
    before = threads.get_threads()
    results = []
    try:
        for count in (1, 2):
            threads.set_threads(count)
            read = np.empty_like(target)
            drifted_read(target, nu, nu, np.full(1, 30.0, np.float32), 9.0, 5.0, KEY, read)
            results.append(
                (
                    program(target, ALIKE, 25.0, SIGMA, 1.25, KEY),
                    draw_drift_exponents(target, ALIKE, ALIKE, 25.0, MEAN, STD, 1.0, KEY),
                    relative_noise(target, np.full(1, 25.0, np.float32), 0.0088, 0.65, 0.2),
                    read,
                )
            )
    finally:
        threads.set_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
