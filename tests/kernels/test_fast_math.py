import numpy as np
from numba import njit

from kernels import fast_math


@njit("void(float32[::1], float32[::1])")
def _log(x, out):
    for i in range(x.size):
        out[i] = fast_math.log(x[i])


@njit("void(float32[::1], float32[::1])")
def _exp(x, out):
    for i in range(x.size):
        out[i] = fast_math.exp(x[i])


@njit("void(uint32[::1], float32[::1], float32[::1])")
def _turn(word, cosine, sine):
    for i in range(word.size):
        cosine[i], sine[i] = fast_math.cos_sin_turn(word[i])


def _apply(kernel, x):
    out = np.empty_like(x)
    kernel(x, out)
    return out.astype(np.float64)


def test_log_is_accurate_over_the_whole_normal_range():
    x = np.geomspace(1.2e-38, 3.4e38, 500_001).astype(np.float32)
    x = x[x != 1.0]
    exact = np.log(x.astype(np.float64))
    assert np.max(np.abs(_apply(_log, x) - exact) / np.abs(exact)) < 2e-7


def test_log_keeps_its_relative_accuracy_next_to_one():
    x = (1.0 + np.arange(-1000, 1001) * 2.0**-23).astype(np.float32)
    x = x[x != 1.0]
    exact = np.log(x.astype(np.float64))
    assert np.max(np.abs(_apply(_log, x) - exact) / np.abs(exact)) < 2e-7
    assert _apply(_log, np.ones(1, np.float32))[0] == 0.0


def test_exp_is_accurate_and_saturates():
    x = np.linspace(-87.0, 88.0, 500_001).astype(np.float32)
    assert np.max(np.abs(_apply(_exp, x) / np.exp(x.astype(np.float64)) - 1.0)) < 2e-7
    far = _apply(_exp, np.array([-1e30, 1e30], np.float32))
    assert 0.0 < far[0] < 2e-38
    assert 1e38 < far[1] < np.inf


def test_cosine_and_sine_of_a_turn():
    word = np.linspace(0, 2**32 - 1, 500_001).astype(np.uint32)
    cosine, sine = np.empty(word.size, np.float32), np.empty(word.size, np.float32)
    _turn(word, cosine, sine)
    angle = 2.0 * np.pi * (word.astype(np.float64) - 2.0**29) * 2.0**-32
    assert np.max(np.abs(cosine - np.cos(angle))) < 2e-7
    assert np.max(np.abs(sine - np.sin(angle))) < 2e-7
