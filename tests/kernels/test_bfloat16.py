import numpy as np
import pytest

from kernels.bfloat16 import decode, encode
from kernels.oracles.bfloat16 import neighbours
from kernels.random_streams import stream_key

KEY = stream_key(0, "words")


def rounded(values, draw=0):
    out = np.empty(values.size, np.uint16)
    encode(values, KEY, draw, out)
    return decode(out)


def test_rounding_gives_one_of_the_two_neighbours():
    rng = np.random.default_rng(0)
    values = (rng.normal(size=5000) * 10.0 ** rng.uniform(-30, 30, 5000)).astype(np.float32)
    found = rounded(values)
    inner, outer = neighbours(values)
    assert ((found == inner) | (found == outer)).all()
    np.testing.assert_array_equal(rounded(found), found)


def test_rounding_keeps_the_mean():
    values = np.full(40_000, 1.0 + 0.3 / 128, np.float32)
    assert rounded(values).mean(dtype=np.float64) == pytest.approx(1.0 + 0.3 / 128, abs=1e-4)


def test_a_slow_moving_average_arrives():
    average = np.zeros(1000, np.uint16)
    for draw in range(3000):
        encode((decode(average) * 0.999 + 0.001).astype(np.float32), KEY, draw, average)
    assert decode(average).mean() == pytest.approx(1.0 - 0.999**3000, rel=0.01)
