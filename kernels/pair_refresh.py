"""Refresh: RESET both devices of a pair that has filled up, and write the difference back into one of them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.pair_pulses import DRAW_BITS, PAIRS, Pairs, pulse_noise

_BLOCK = 4096


@cache
def _kernel(set_pulse: Any, reset_pulse: Any) -> Callable[..., None]:
    @njit(
        f"void(int64, int64, {PAIRS}, float32, float32, float32, int64, uint64, float32[::1], uint64, uint64,"
        " int64[:, ::1])",
        nogil=True,
    )
    def kernel(  # type: ignore[no-untyped-def]
        first_block,
        past_last_block,
        g_plus,
        g_minus,
        state_plus,
        state_minus,
        last_plus,
        last_minus,
        above_uS,
        other_above_uS,
        tolerance_uS,
        max_pulses,
        update,
        constants,
        key_plus,
        key_minus,
        tally,
    ):
        for block in range(first_block, past_last_block):
            for i in range(block * _BLOCK, min((block + 1) * _BLOCK, g_plus.size)):
                if not (
                    max(g_plus[i], g_minus[i]) > above_uS
                    and min(g_plus[i], g_minus[i]) > other_above_uS
                ):
                    continue
                difference = g_plus[i] - g_minus[i]
                draw = update << DRAW_BITS
                device = np.uint64(i)
                reset_pulse(g_plus, state_plus, i, constants, pulse_noise(key_plus, device, draw))
                reset_pulse(
                    g_minus, state_minus, i, constants, pulse_noise(key_minus, device, draw)
                )
                size = abs(difference)
                pulses = 0
                while pulses < max_pulses:
                    written = g_plus[i] - g_minus[i]
                    if difference < np.float32(0.0):
                        written = -written
                    if size - written <= tolerance_uS:
                        break
                    pulses += 1
                    draw += np.uint64(1)
                    if difference > np.float32(0.0):
                        set_pulse(
                            g_plus, state_plus, i, constants, pulse_noise(key_plus, device, draw)
                        )
                    else:
                        set_pulse(
                            g_minus, state_minus, i, constants, pulse_noise(key_minus, device, draw)
                        )
                if last_plus.size > 0:
                    last_plus[i] = np.int32(update)
                    last_minus[i] = np.int32(update)
                tally[block, 0] += 1
                tally[block, 1] += pulses

    return kernel  # type: ignore[no-any-return]


def refresh(
    set_pulse: Any,
    reset_pulse: Any,
    pairs: Pairs,
    above_uS: float,
    other_above_uS: float,
    tolerance_uS: float,
    max_pulses: int,
    update: int,
    constants: NDArray[np.float32],
    key_plus: np.uint64,
    key_minus: np.uint64,
) -> tuple[int, int]:
    """Refresh the pairs whose larger device is above `above_uS` and whose smaller one is above `other_above_uS`.

    The write applies SET pulses with a read after each, until the difference is as large as it was, less
    the tolerance.

    Args:
        set_pulse: a device function of `kernels.pulses`.
        reset_pulse: a device function of `kernels.pulses`.
        pairs: the devices; changed.
        above_uS: threshold of the larger device, µS.
        other_above_uS: threshold of the smaller device, µS.
        tolerance_uS: how far below the difference the write may stop, µS.
        max_pulses: SET pulses per pair.
        update: number of the update.
        constants: of the device functions.
        key_plus: stream of the noise on G+.
        key_minus: stream of the noise on G-.

    Returns:
        How many pairs were refreshed, and how many SET pulses that took.
    """
    kernel = _kernel(set_pulse, reset_pulse)
    blocks = (pairs.g_plus.size + _BLOCK - 1) // _BLOCK
    tally = np.zeros((blocks, 2), np.int64)
    for_blocks(
        blocks,
        pairs.g_plus.size,
        lambda first, past_last: kernel(
            first,
            past_last,
            *pairs,
            above_uS,
            other_above_uS,
            tolerance_uS,
            max_pulses,
            update,
            constants,
            key_plus,
            key_minus,
            tally,
        ),
    )
    refreshed, pulses = tally.sum(axis=0)
    return int(refreshed), int(pulses)
