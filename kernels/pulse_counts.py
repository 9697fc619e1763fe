"""Whole numbers of pulses from the real-valued updates of the weights."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_uniforms

Counts = NDArray[np.int16]

_EXACT_IN_FLOAT32 = 1 << 24


@jit_on_call(
    "void(int64, int64, float32[::1], float32, int64, uint64, uint64, int16[::1], int64[:, ::1])",
    nogil=True,
)
def _round(first_tile, past_last_tile, update, scale, limit, key, draw, out, tally):  # type: ignore[no-untyped-def]
    u = np.empty(TILE, np.float32)
    most = np.float32(limit)
    for tile in range(first_tile, past_last_tile):
        fill_uniforms(key, tile, draw, u)
        part = update[tile * TILE : (tile + 1) * TILE]
        pulses = out[tile * TILE : (tile + 1) * TILE]
        total = np.int64(0)
        saturated = np.int64(0)
        for i in range(part.size):
            wanted = scale * part[i]
            size = abs(wanted)
            n = np.floor(size)
            n += np.float32(1.0) if u[i] < size - n else np.float32(0.0)
            given = min(n, most)
            saturated += n > most
            total += np.int64(given)
            pulses[i] = np.int16(given if wanted > np.float32(0.0) else -given)
        tally[tile, 0] = total
        tally[tile, 1] = saturated


def rounded_pulses(
    update: NDArray[np.float32], scale: float, limit: int, key: np.uint64, draw: int
) -> tuple[Counts, int, int]:
    """Stochastically rounded pulse counts: `E[pulses] = scale * update` wherever that stays below `limit`.

    Args:
        update: float32 [n].
        scale: pulses per unit of `update`.
        limit: largest number of pulses on one device.
        key: stream of the rounding.
        draw: number of the update.

    Returns:
        int16 [n], signed (positive for G+); how many pulses they are together; how many devices hit the limit.
    """
    out = np.empty(update.size, np.int16)
    tally = np.zeros(((update.size + TILE - 1) // TILE, 2), np.int64)
    for_tiles(
        update.size,
        lambda first, past: _round(first, past, update, scale, limit, key, draw, out, tally),
    )
    total, saturated = tally.sum(axis=0)
    return out, int(total), int(saturated)


@cache
def _transfer_kernel(word: str, real: str) -> Any:
    """The kernel of `transferred_pulses` for one integer type of chi and one float that holds its sums exactly."""
    number = np.dtype(real).type

    @jit_on_call(
        f"void(int64, int64, {word}[::1], float32[::1], {real}, {real}, {real}, uint64, uint64, int16[::1],"
        " int64[:, ::1])",
        nogil=True,
    )
    def kernel(  # type: ignore[no-untyped-def]
        first_tile, past_last_tile, chi, update, scale, full, limit, key, draw, out, tally
    ):
        u = np.empty(TILE, np.float32)
        zero = number(0.0)
        one = number(1.0)
        per_full = one / full
        most = (limit + number(2.0)) * full
        for tile in range(first_tile, past_last_tile):
            fill_uniforms(key, tile, draw, u)
            held = chi[tile * TILE : (tile + 1) * TILE]
            part = update[tile * TILE : (tile + 1) * TILE]
            pulses = out[tile * TILE : (tile + 1) * TILE]
            given = zero
            saturated = 0
            for i in range(part.size):
                wanted = min(max(scale * number(part[i]), -most), most)
                # Adding u before the floor would round a large whole number up now and then.
                whole = np.floor(wanted)
                up = one if number(u[i]) < wanted - whole else zero
                total = number(held[i]) + whole + up
                size = abs(total)
                due = min(np.floor(size * per_full), limit)
                left = size - due * full
                saturated += left >= full
                left = min(left, full - one)
                given += due
                held[i] = left if total >= zero else -left
                pulses[i] = due if total >= zero else -due
            tally[tile, 0] = np.int64(given)
            tally[tile, 1] = saturated

    return kernel


def transferred_pulses(
    chi: NDArray[np.signedinteger[Any]],
    update: NDArray[np.float32],
    scale: float,
    full: int,
    limit: int,
    key: np.uint64,
    draw: int,
) -> tuple[Counts, int, int]:
    """Add an update to chi, and take out a pulse for every `full` that has gathered there.

    Args:
        chi: int8, int16 or int32 [n], in units of one granularity / full; changed in place.
        update: float32 [n].
        scale: units of chi per unit of `update`; fractions are rounded stochastically.
        full: value of |chi| that is worth a pulse; a power of 2.
        limit: largest number of pulses on one device.
        key: stream of the rounding.
        draw: number of the update.

    Returns:
        int16 [n], signed (positive for G+); how many pulses they are together; in how many places chi
        saturated because more than `limit` pulses were due.
    """
    out = np.empty(update.size, np.int16)
    tally = np.zeros(((update.size + TILE - 1) // TILE, 2), np.int64)
    real = "float32" if (limit + 3) * full < _EXACT_IN_FLOAT32 else "float64"
    kernel = _transfer_kernel(chi.dtype.name, real)
    for_tiles(
        update.size,
        lambda first, past: kernel(
            first, past, chi, update, scale, full, limit, key, draw, out, tally
        ),
    )
    total, saturated = tally.sum(axis=0)
    return out, int(total), int(saturated)
