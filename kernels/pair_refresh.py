"""Refresh: RESET both devices of a pair that has filled up, and write the difference back without bias."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.expected_step import expected_step_function
from kernels.jit_on_call import jit_on_call
from kernels.pair_pulses import DRAW_BITS, PAIRS, Pairs, pulse_noise
from kernels.pair_wear import UNCOUNTED, WEAR, Wear
from kernels.random_streams import uniform

_BLOCK = 4096
_NO_NOISE = np.float32(0.0)
_LAST_PULSE = np.uint64(0xFFFFFFFF)
"""Draw number, within a refresh, of the decision on the last pulse; the pulses themselves count from 0."""


@cache
def _kernel(set_pulse: Any, reset_pulse: Any) -> Callable[..., None]:
    expected_step = expected_step_function(set_pulse)

    @jit_on_call(
        f"void(int64, int64, {PAIRS}, {WEAR}, float32, float32, float32[:, ::1], float32[:, ::1], int64,"
        " float32, uint64, float32[::1], uint64, uint64, int64[:, ::1])",
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
        set_plus,
        set_minus,
        reset_plus,
        reset_minus,
        above_uS,
        other_above_uS,
        memory_plus,
        memory_minus,
        max_pulses,
        counted_uS,
        update,
        constants,
        key_plus,
        key_minus,
        tally,
    ):
        zero = np.float32(0.0)
        twin = np.empty(1, np.float32)
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
                chance = uniform(key_plus, device, draw | _LAST_PULSE)
                reset_pulse(g_plus, state_plus, i, constants, pulse_noise(key_plus, device, draw))
                reset_pulse(
                    g_minus, state_minus, i, constants, pulse_noise(key_minus, device, draw)
                )
                reset_pulse(twin, memory_plus, 0, constants, _NO_NOISE)
                reset_pulse(twin, memory_minus, 0, constants, _NO_NOISE)
                pulses = 0
                last = False
                while not last:
                    missing = difference - (g_plus[i] - g_minus[i])
                    g, state, memory, key = g_plus, state_plus, memory_plus, key_plus
                    sets = set_plus
                    other, other_memory = g_minus, memory_minus
                    if missing < zero:
                        g, state, memory, key = g_minus, state_minus, memory_minus, key_minus
                        sets = set_minus
                        other, other_memory = g_plus, memory_plus
                        missing = -missing
                    step = expected_step(g[i], memory, constants)
                    last = missing < step
                    if last and chance * step > missing:
                        break
                    both_full = (
                        step <= zero and expected_step(other[i], other_memory, constants) <= zero
                    )
                    if both_full or pulses == max_pulses:
                        if missing > counted_uS:
                            tally[block, 2] += 1
                        break
                    pulses += 1
                    draw += np.uint64(1)
                    twin[0] = g[i]
                    set_pulse(twin, memory, 0, constants, _NO_NOISE)
                    set_pulse(g, state, i, constants, pulse_noise(key, device, draw))
                    if sets.size > 0:
                        sets[i] += np.uint32(1)
                if last_plus.size > 0:
                    last_plus[i] = np.int32(update)
                    last_minus[i] = np.int32(update)
                if reset_plus.size > 0:
                    reset_plus[i] += np.uint32(1)
                    reset_minus[i] += np.uint32(1)
                tally[block, 0] += 1
                tally[block, 1] += pulses

    return kernel  # type: ignore[no-any-return]


def refresh(
    set_pulse: Any,
    reset_pulse: Any,
    pairs: Pairs,
    above_uS: float,
    other_above_uS: float,
    nominal_state: NDArray[np.float32],
    max_pulses: int,
    counted_uS: float,
    update: int,
    constants: NDArray[np.float32],
    key_plus: np.uint64,
    key_minus: np.uint64,
    wear: Wear = UNCOUNTED,
) -> tuple[int, int, int]:
    """Refresh the pairs whose larger device is above `above_uS` and whose smaller one is above `other_above_uS`.

    Both devices are RESET. Then SET pulses with a read after each go to the device that what is missing asks
    for: to the other one after an overshoot. What is missing is compared with the step that a device with the
    nominal parameters, at this conductance and after as many pulses, takes in expectation. As long as no less
    than that is missing, a pulse is applied. Once less is missing, one last pulse is applied with the
    probability missing / expected step, and the write ends. It also ends where neither device rises any more
    in expectation. Where devices are nominal, the expected difference
    after the write is therefore the difference before it, however coarse the steps are; devices that differ
    from the nominal one leave an error that averages out over them. Nothing is remembered between two refreshes.

    Args:
        set_pulse: a pulse of a model of `device_models.training`.
        reset_pulse: a pulse of a model of `device_models.training`.
        pairs: the devices; changed.
        above_uS: threshold of the larger device, µS.
        other_above_uS: threshold of the smaller device, µS.
        nominal_state: float32 [rows, 1], state of the mean device.
        max_pulses: SET pulses per pair, below 2^32 - 1.
        counted_uS: a pair counts as missed if more than this is missing when the pulses are used up, µS.
        update: number of the update.
        constants: of the device functions.
        key_plus: stream of the noise on G+ and of the last pulse.
        key_minus: stream of the noise on G-.
        wear: counts the pulses; changed.

    Returns:
        How many pairs were refreshed, how many SET pulses that took, and how many of the pairs were missed.
    """
    kernel = _kernel(set_pulse, reset_pulse)
    blocks = (pairs.g_plus.size + _BLOCK - 1) // _BLOCK
    tally = np.zeros((blocks, 3), np.int64)
    for_blocks(
        blocks,
        pairs.g_plus.size,
        lambda first, past_last: kernel(
            first,
            past_last,
            *pairs,
            *wear,
            above_uS,
            other_above_uS,
            nominal_state.copy(),
            nominal_state.copy(),
            max_pulses,
            counted_uS,
            update,
            constants,
            key_plus,
            key_minus,
            tally,
        ),
    )
    refreshed, pulses, missed = tally.sum(axis=0)
    return int(refreshed), int(pulses), int(missed)
