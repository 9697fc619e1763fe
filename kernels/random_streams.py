"""Counter-based random streams: a number depends on (key, index, draw) and on nothing else.

Neither threads nor the order of calls matter.

How to call them from another kernel
------------------------------------
Outside the kernel, make a key from the run's seed and the purpose of the numbers; inside, ask for
the number that belongs to a device (`index`) at an event (`draw`)::

    from kernels.random_streams import normal, stream_key, uniform

    key = stream_key(seed, "set pulses", layer_index)      # np.uint64, plain Python, once

    @jit_on_call("void(float32[::1], uint64, uint64)")
    def kernel(g, key, draw):
        for i in range(g.size):
            z = normal(key, np.uint64(i), draw)       # float32, N(0, 1)
            u = uniform(key, np.uint64(i), draw)      # float32 in (0, 1), of the same bits as z

One (key, index, draw) gives one block of 128 bits. `words` returns it whole as four uint32;
`uniform` and `normal` use the first one and the first two; `normals4` turns it into four
independent normals. Take numbers that must be independent from different blocks, or from one
`normals4`. A loop over many consecutive devices is some ten times faster with `fill_normals` or
`fill_uniforms`, which vectorise: they fill a scratch array of `TILE` numbers that stays in the
first-level cache.

Generator: Philox4x32-10 (J. K. Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*,
SC'11), which passes TestU01's BigCrush; key = 64 bits, counter = (index, draw), 64 bits each.
Normals: Box and Muller, Ann. Math. Stat. 29, 610 (1958), with 32-bit uniforms, so that |z|
reaches 6.76.
"""

import hashlib

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.fast_math import cos_sin_turn, log

TILE = 1024
"""Numbers per call of `fill_normals` and `fill_uniforms`."""

_QUARTER = TILE // 4
_ROUNDS = 10
_MASK = np.uint64(0xFFFFFFFF)
_THIRTY_TWO = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_TWO_TO_MINUS_32 = np.float32(2.0**-32)
_TWO_TO_MINUS_24 = np.float32(2.0**-24)
_TWO_TO_MINUS_25 = np.float32(2.0**-25)
_HALF = np.float32(0.5)
_MINUS_TWO = np.float32(-2.0)


def stream_key(seed: int, *purpose: int | str | float) -> np.uint64:
    """The key of the stream that serves one purpose under one seed.

    Args:
        seed: the run's seed; any integer.
        *purpose: what the numbers are for, e.g. `"read noise", 3`. Different purposes give
            independent streams.

    Returns:
        A 64-bit key, the same on every machine.
    """
    # repr keeps 1, 1.0 and "1" apart, and does not let ("ab", "c") meet ("a", "bc").
    plain = (int(seed), *(p.item() if isinstance(p, np.generic) else p for p in purpose))
    digest = hashlib.blake2b(repr(plain).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@njit(forceinline=True)
def _philox(
    key: np.uint64, index: np.uint64, draw: np.uint64
) -> tuple[np.uint32, np.uint32, np.uint32, np.uint32]:
    # All words live in 64-bit lanes: the products need them, and vectorise without conversions.
    c0 = np.uint64(index) & _MASK
    c1 = np.uint64(index) >> _THIRTY_TWO
    c2 = np.uint64(draw) & _MASK
    c3 = np.uint64(draw) >> _THIRTY_TWO
    k0 = np.uint64(key) & _MASK
    k1 = np.uint64(key) >> _THIRTY_TWO
    for _ in range(_ROUNDS):
        p0 = (c0 & _MASK) * _MULTIPLIER_0
        p1 = (c2 & _MASK) * _MULTIPLIER_1
        c0 = (p1 >> _THIRTY_TWO) ^ c1 ^ k0
        c2 = (p0 >> _THIRTY_TWO) ^ c3 ^ k1
        c1 = p1 & _MASK
        c3 = p0 & _MASK
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@njit(forceinline=True)
def words(
    key: np.uint64, index: np.uint64, draw: np.uint64
) -> tuple[np.uint32, np.uint32, np.uint32, np.uint32]:
    """The block of 128 random bits of device `index` at event `draw`.

    Args:
        key: uint64 from `stream_key`.
        index: uint64, the device.
        draw: uint64, the event.

    Returns:
        Four uint32.
    """
    w0, w1, w2, w3 = _philox(key, index, draw)
    return w0, w1, w2, w3


@njit(forceinline=True, fastmath={"contract"})
def _open_uniform(word: np.uint32) -> np.float32:
    return np.float32(np.uint32(word >> np.uint32(8))) * _TWO_TO_MINUS_24 + _TWO_TO_MINUS_25


@njit(forceinline=True, fastmath={"contract"})
def _box_muller(word_radius: np.uint32, word_angle: np.uint32) -> tuple[np.float32, np.float32]:
    u = np.float32(word_radius) * _TWO_TO_MINUS_32 + _HALF * _TWO_TO_MINUS_32
    # Where rounding gives u = 1, log may come out just above zero; the root must not be a NaN.
    radius = np.sqrt(max(_MINUS_TWO * log(u), np.float32(0.0)))
    cosine, sine = cos_sin_turn(word_angle)
    return radius * cosine, radius * sine


@njit(forceinline=True)
def uniform(key: np.uint64, index: np.uint64, draw: np.uint64) -> np.float32:
    """A float32 uniform in (0, 1], on a grid of 2^-24, for device `index` at event `draw`.

    Args:
        key: uint64 from `stream_key`.
        index: uint64, the device.
        draw: uint64, the event.

    Returns:
        float32, never 0; rounding gives exactly 1 about once in 2^24 draws.
    """
    w0, _, _, _ = _philox(key, index, draw)
    u: np.float32 = _open_uniform(w0)
    return u


@njit(forceinline=True)
def normal(key: np.uint64, index: np.uint64, draw: np.uint64) -> np.float32:
    """A standard normal float32 for device `index` at event `draw`.

    Args:
        key: uint64 from `stream_key`.
        index: uint64, the device.
        draw: uint64, the event.

    Returns:
        float32, within 6.76 of zero.
    """
    w0, w1, _, _ = _philox(key, index, draw)
    z: np.float32
    z, _ = _box_muller(w0, w1)
    return z


@njit(forceinline=True)
def normals4(
    key: np.uint64, index: np.uint64, draw: np.uint64
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Four independent standard normals from one block; the first is `normal(key, index, draw)`.

    Args:
        key: uint64 from `stream_key`.
        index: uint64, the device.
        draw: uint64, the event.

    Returns:
        Four float32.
    """
    w0, w1, w2, w3 = _philox(key, index, draw)
    z0, z1 = _box_muller(w0, w1)
    z2, z3 = _box_muller(w2, w3)
    return z0, z1, z2, z3


@njit(forceinline=True)
def fill_normals(key: np.uint64, tile: int, draw: np.uint64, out: NDArray[np.float32]) -> None:
    """Standard normals of the devices of one tile at event `draw`, vectorised.

    Tile t holds the devices `t * TILE ... (t + 1) * TILE - 1`. Device `t * TILE + w * TILE / 4 + j`
    gets the w-th normal of block `t * TILE / 4 + j`: another assignment of blocks to devices than
    that of `normal`, so use one or the other with a given key.

    Args:
        key: uint64 from `stream_key`.
        tile: int64, the number of the tile of `TILE` devices.
        draw: uint64, the event.
        out: float32 [TILE], overwritten.
    """
    for j in range(_QUARTER):
        w0, w1, w2, w3 = _philox(key, np.uint64(tile * _QUARTER + j), draw)
        z0, z1 = _box_muller(w0, w1)
        z2, z3 = _box_muller(w2, w3)
        out[j] = z0
        out[_QUARTER + j] = z1
        out[2 * _QUARTER + j] = z2
        out[3 * _QUARTER + j] = z3


@njit(forceinline=True)
def fill_uniforms(key: np.uint64, tile: int, draw: np.uint64, out: NDArray[np.float32]) -> None:
    """Uniforms in (0, 1) of the devices of one tile at event `draw`, vectorised.

    Blocks are assigned to devices as in `fill_normals`.

    Args:
        key: uint64 from `stream_key`.
        tile: int64, the number of the tile of `TILE` devices.
        draw: uint64, the event.
        out: float32 [TILE], overwritten.
    """
    for j in range(_QUARTER):
        w0, w1, w2, w3 = _philox(key, np.uint64(tile * _QUARTER + j), draw)
        out[j] = _open_uniform(w0)
        out[_QUARTER + j] = _open_uniform(w1)
        out[2 * _QUARTER + j] = _open_uniform(w2)
        out[3 * _QUARTER + j] = _open_uniform(w3)
