import numpy as np
import pytest
from numba import njit
from scipy import stats

from kernels import threads
from kernels.bulk_random import normals, uniforms
from kernels.oracles import random_streams as oracle
from kernels.random_streams import TILE, normal, normals4, stream_key, uniform, words

N = 1_000_000


@njit("UniTuple(uint32, 4)(uint64, uint64, uint64)")
def _words(key, index, draw):
    return words(key, index, draw)


@njit("void(uint64, uint64, float32[::1], float32[::1], float32[:, ::1])")
def _one_by_one(key, draw, z, u, four):
    for i in range(z.size):
        z[i] = normal(key, np.uint64(i), draw)
        u[i] = uniform(key, np.uint64(i), draw)
        four[i, 0], four[i, 1], four[i, 2], four[i, 3] = normals4(key, np.uint64(i), draw)


@pytest.mark.parametrize(
    ("key", "index", "draw", "expected"),
    [
        # The known answers of Random123, the authors' library, for philox4x32 with 10 rounds.
        (0, 0, 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            0x299F31D0A4093822,
            0x85A308D3243F6A88,
            0x0370734413198A2E,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(key, index, draw, expected):
    assert _words(key, index, draw) == expected
    assert tuple(oracle.words(key, np.array([index], np.uint64), draw)[:, 0]) == expected


def test_one_by_one_against_oracle():
    n, key, draw = 10_000, stream_key(7, "test"), 2**33 + 5
    z, u, four = np.empty(n, np.float32), np.empty(n, np.float32), np.empty((n, 4), np.float32)
    _one_by_one(key, draw, z, u, four)
    w = oracle.words(int(key), np.arange(n, dtype=np.uint64), draw)
    z0, z1 = oracle.normals_of_words(w[0], w[1])
    z2, z3 = oracle.normals_of_words(w[2], w[3])
    np.testing.assert_allclose(four, np.stack([z0, z1, z2, z3], axis=1), atol=3e-6)
    np.testing.assert_array_equal(z, four[:, 0])
    np.testing.assert_allclose(u, (w[0] >> 8).astype(float) * 2.0**-24 + 2.0**-25, rtol=1e-7)


@pytest.mark.parametrize("n", [1, 5, TILE - 1, TILE, TILE + 1, 10 * TILE + 17])
def test_bulk_against_oracle(n):
    key = stream_key(3, "bulk", n)
    np.testing.assert_allclose(normals(key, n, 9), oracle.bulk_normals(int(key), n, 9), atol=3e-6)
    np.testing.assert_allclose(uniforms(key, n, 9), oracle.bulk_uniforms(int(key), n, 9), rtol=1e-7)


def test_longer_arrays_start_with_the_shorter_ones():
    key = stream_key(1, "prefix")
    np.testing.assert_array_equal(normals(key, 5000)[:777], normals(key, 777))


def test_normals_are_normal():
    z = normals(stream_key(0, "moments"), N).astype(np.float64)
    # Five standard errors of each moment's estimate.
    assert abs(z.mean()) < 5 / np.sqrt(N)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / N)
    assert abs((z**3).mean()) < 5 * np.sqrt(15 / N)
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96 / N)
    assert stats.kstest(z, "norm").pvalue > 1e-4


@pytest.mark.parametrize("threshold", [3.0, 4.0, 4.5])
def test_tails_have_the_right_mass(threshold):
    n = 8 * N
    z = normals(stream_key(0, "tails"), n)
    expected = n * 2 * stats.norm.sf(threshold)
    assert abs(np.count_nonzero(np.abs(z) > threshold) - expected) < 5 * np.sqrt(expected)
    assert np.abs(z).max() < 6.77


def test_uniforms_are_uniform_and_open():
    u = uniforms(stream_key(0, "uniform"), N)
    assert u.min() > 0.0
    assert u.max() < 1.0
    assert stats.kstest(u.astype(np.float64), "uniform").pvalue > 1e-4


def test_streams_are_uncorrelated():
    n = N
    z = [
        normals(stream_key(0, "a"), n),
        normals(stream_key(1, "a"), n),
        normals(stream_key(0, "b"), n),
        normals(stream_key(0, "a"), n, draw=1),
    ]
    z.append(np.roll(z[0], 1))
    correlation = np.corrcoef(np.array(z, np.float64))
    assert np.max(np.abs(correlation - np.eye(5))) < 5 / np.sqrt(n)


def test_keys_tell_purposes_apart():
    keys = {
        int(key)
        for key in (
            stream_key(0),
            stream_key(1),
            stream_key(0, "a", "bc"),
            stream_key(0, "ab", "c"),
            stream_key(0, 1),
            stream_key(0, "1"),
            stream_key(0, 1.0),
        )
    }
    assert len(keys) == 7
    assert stream_key(0, np.int64(1)) == stream_key(0, 1)


def test_bits_do_not_depend_on_threads():
    key, before = stream_key(0, "threads"), threads.get_threads()
    try:
        threads.set_threads(1)
        one = normals(key, N)
        threads.set_threads(2)
        two = normals(key, N)
    finally:
        threads.set_threads(before)
    np.testing.assert_array_equal(one, two)
