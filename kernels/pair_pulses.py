"""Counted SET pulses on differential pairs: positive counts on G+, negative ones on G-."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call
from kernels.pair_wear import UNCOUNTED, WEAR, Wear
from kernels.random_streams import normal

CHUNK = 64
"""Crosspoints that are skipped together when none of them gets a pulse."""

DRAW_BITS = np.uint64(32)
"""Low bits of a draw number that count the pulses within one update, one refresh or one write."""


class Pairs(NamedTuple):
    """The devices of one tile, flat: device k of crosspoint e has the index `k * n + e`.

    Attributes:
        g_plus: float32 [K n], µS.
        g_minus: float32 [K n], µS.
        state_plus: float32 [rows, K n], what the device model keeps.
        state_minus: float32 [rows, K n].
        last_plus: int32 [K n], update of the last pulse; size 0 if nobody asks for it.
        last_minus: int32 [K n].
    """

    g_plus: NDArray[np.float32]
    g_minus: NDArray[np.float32]
    state_plus: NDArray[np.float32]
    state_minus: NDArray[np.float32]
    last_plus: NDArray[np.int32]
    last_minus: NDArray[np.int32]


PAIRS = "float32[::1], float32[::1], float32[:, ::1], float32[:, ::1], int32[::1], int32[::1]"
"""Numba signature of the fields of `Pairs`."""


@jit_on_call("float32(uint64, uint64, uint64)", nogil=True)
def pulse_noise(key, device, draw):  # type: ignore[no-untyped-def]
    """A standard normal, from one compiled copy: the kernels that draw in many places compile in half the time."""
    return normal(key, device, draw)


@cache
def _kernel(set_pulse: Any) -> Callable[..., None]:
    @jit_on_call(
        f"void(int64, int64, {PAIRS}, {WEAR}, int16[::1], int64, uint64, float32[::1], uint64)",
        nogil=True,
    )
    def kernel(  # type: ignore[no-untyped-def]
        first_chunk,
        past_last_chunk,
        g_plus,
        g_minus,
        state_plus,
        state_minus,
        last_plus,
        last_minus,
        set_plus,
        set_minus,
        reset_plus,
        reset_minus,
        counts,
        turn,
        update,
        constants,
        key,
    ):
        n = counts.size
        sharing = g_plus.size // n
        for chunk in range(first_chunk, past_last_chunk):
            part = counts[chunk * CHUNK : (chunk + 1) * CHUNK]
            any_pulse = np.int16(0)
            for j in range(part.size):
                any_pulse |= part[j]
            if any_pulse == 0:
                continue
            for j in range(part.size):
                e = chunk * CHUNK + j
                for pulse in range(abs(np.int64(part[j]))):
                    i = ((turn + pulse) % sharing) * n + e
                    z = pulse_noise(key, np.uint64(i), (update << DRAW_BITS) | np.uint64(pulse))
                    if part[j] > 0:
                        set_pulse(g_plus, state_plus, i, constants, z)
                        if last_plus.size > 0:
                            last_plus[i] = np.int32(update)
                        if set_plus.size > 0:
                            set_plus[i] += np.uint32(1)
                    else:
                        set_pulse(g_minus, state_minus, i, constants, z)
                        if last_minus.size > 0:
                            last_minus[i] = np.int32(update)
                        if set_minus.size > 0:
                            set_minus[i] += np.uint32(1)

    return kernel  # type: ignore[no-any-return]


def apply_pulses(
    set_pulse: Any,
    pairs: Pairs,
    counts: NDArray[np.int16],
    turn: int,
    update: int,
    constants: NDArray[np.float32],
    key: np.uint64,
    wear: Wear = UNCOUNTED,
) -> None:
    """Apply the pulses, in place.

    Args:
        set_pulse: a pulse of a model of `device_models.training`.
        pairs: the devices; changed.
        counts: int16 [n], pulses per crosspoint; the sign chooses the polarity.
        turn: arbitration counter: pulse p of a crosspoint goes to device `(turn + p) % K`.
        update: number of the update.
        constants: of the device function.
        key: stream of the noise; pulse p of device i in this update uses the number (i, update, p).
        wear: counts the pulses; changed.
    """
    kernel = _kernel(set_pulse)
    for_blocks(
        (counts.size + CHUNK - 1) // CHUNK,
        counts.size,
        lambda first, past_last: kernel(
            first, past_last, *pairs, *wear, counts, turn, update, constants, key
        ),
    )
