"""Philox4x32-10 and the Box-Muller transform with NumPy's integers and float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.random_streams import TILE

Words = NDArray[np.uint32]
Floats = NDArray[np.float64]

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def words(key: int, index: NDArray[np.uint64], draw: int) -> Words:
    """The blocks of the given devices at one event: uint32 `[4, *shape of index]`."""
    index = np.asarray(index, np.uint64)
    c = [
        index & _LOW,
        index >> _SHIFT,
        np.full_like(index, draw & 0xFFFFFFFF),
        np.full_like(index, draw >> 32),
    ]
    k0, k1 = int(key) & 0xFFFFFFFF, int(key) >> 32
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c[0]
        p1 = np.uint64(0xCD9E8D57) * c[2]
        c = [
            (p1 >> _SHIFT) ^ c[1] ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c[3] ^ np.uint64(k1),
            p0 & _LOW,
        ]
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c).astype(np.uint32)


def normals_of_words(radius_word: Words, angle_word: Words) -> tuple[Floats, Floats]:
    """The two standard normals of two random words."""
    u = np.minimum((radius_word.astype(np.float64) + 0.5) * 2.0**-32, 1.0)
    # The kernel's angle counts from an eighth of a turn below zero.
    angle = 2.0 * np.pi * (angle_word.astype(np.float64) - 2.0**29) * 2.0**-32
    radius = np.sqrt(-2.0 * np.log(u))
    return radius * np.cos(angle), radius * np.sin(angle)


def bulk_words(key: int, n: int, draw: int) -> tuple[Words, NDArray[np.intp]]:
    """What `fill_normals` and `fill_uniforms` consume for devices 0 ... n - 1.

    Returns:
        The block of each device, uint32 `[4, n]`, and which of its four numbers the device gets.
    """
    device = np.arange(n)
    quarter = TILE // 4
    tile, within = np.divmod(device, TILE)
    which, j = np.divmod(within, quarter)
    return words(key, (tile * quarter + j).astype(np.uint64), draw), which


def bulk_normals(key: int, n: int, draw: int = 0) -> Floats:
    """The normals of devices 0 ... n - 1, as `kernels.bulk_random.normals` assigns them."""
    w, which = bulk_words(key, n, draw)
    four = np.stack([*normals_of_words(w[0], w[1]), *normals_of_words(w[2], w[3])])
    normals: Floats = np.take_along_axis(four, which[None, :], axis=0)[0]
    return normals


def bulk_uniforms(key: int, n: int, draw: int = 0) -> Floats:
    """The uniforms of devices 0 ... n - 1, as `kernels.bulk_random.uniforms` assigns them."""
    w, which = bulk_words(key, n, draw)
    word = np.take_along_axis(w, which[None, :], axis=0)[0]
    uniforms: Floats = (word >> np.uint32(8)).astype(np.float64) * 2.0**-24 + 2.0**-25
    return uniforms
