"""Write a matrix of targets into freshly RESET pairs: exactly, open loop, or with write-and-verify."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call
from kernels.pair_pulses import DRAW_BITS, PAIRS, Pairs, pulse_noise
from kernels.pair_wear import UNCOUNTED, WEAR, Wear
from kernels.random_streams import uniform

EXACT, OPEN_LOOP, WRITE_VERIFY = 0, 1, 2

_BLOCK = 4096
_NO_NOISE = np.float32(0.0)
_ROUNDING = np.uint64(0xFFFFFFFF)
"""Draw number, within a write, of the rounding of an open-loop count; the pulses themselves count from 0."""


@cache
def _kernel(set_pulse: Any, reset_pulse: Any) -> Callable[..., None]:
    @jit_on_call(
        "int64(float32[::1], float32[:, ::1], int64, float32, int64, float32[::1])", nogil=True
    )
    def mean_pulses(g, state, i, goal, most, constants):  # type: ignore[no-untyped-def]
        """Pulses that bring the mean device closest to `goal`; a copy of device i takes them."""
        twin = g[i : i + 1].copy()
        memory = state[:, i : i + 1].copy()
        for pulses in range(most):
            before = twin[0]
            set_pulse(twin, memory, 0, constants, _NO_NOISE)
            if twin[0] >= goal or twin[0] <= before:
                return pulses + 1 if abs(twin[0] - goal) < abs(before - goal) else pulses
        return most

    @jit_on_call(
        f"void(int64, int64, {PAIRS}, {WEAR}, float32[::1], int64, float32, float32, int64, float32[::1], uint64,"
        " float32[::1], uint64, uint64, int64[:, ::1])",
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
        targets,
        how,
        g_min_uS,
        tolerance_uS,
        max_pulses,
        expected_rise,
        update,
        constants,
        key_plus,
        key_minus,
        tally,
    ):
        n = targets.size
        for block in range(first_block, past_last_block):
            for i in range(block * _BLOCK, min((block + 1) * _BLOCK, g_plus.size)):
                target = targets[i % n]
                size = abs(target)
                positive = target > np.float32(0.0)
                g, state, key = g_plus, state_plus, key_plus
                other, other_state, other_key = g_minus, state_minus, key_minus
                sets, own_resets, other_resets = set_plus, reset_plus, reset_minus
                if not positive:
                    g, state, key = g_minus, state_minus, key_minus
                    other, other_state, other_key = g_plus, state_plus, key_plus
                    sets, own_resets, other_resets = set_minus, reset_minus, reset_plus
                device = np.uint64(i)
                draw = update << DRAW_BITS
                noisy = how != EXACT
                reset_pulse(
                    other,
                    other_state,
                    i,
                    constants,
                    pulse_noise(other_key, device, draw) if noisy else _NO_NOISE,
                )
                reset_pulse(
                    g, state, i, constants, pulse_noise(key, device, draw) if noisy else _NO_NOISE
                )
                pulses = 0
                resets = 2
                if how == EXACT:
                    if state.shape[0] > 0:
                        # The memory of a device that reached the target by the mean number of pulses.
                        for _ in range(
                            mean_pulses(g, state, i, g_min_uS + size, max_pulses, constants)
                        ):
                            set_pulse(g, state, i, constants, _NO_NOISE)
                    g[i] = g_min_uS + size
                    other[i] = g_min_uS
                elif how == OPEN_LOOP:
                    pulses = np.searchsorted(expected_rise, size, side="right") - 1
                    if pulses < expected_rise.size - 1:
                        short = size - expected_rise[pulses]
                        step = expected_rise[pulses + 1] - expected_rise[pulses]
                        if uniform(key, device, draw | _ROUNDING) * step <= short:
                            pulses += 1
                    elif size > expected_rise[pulses] + tolerance_uS:
                        tally[block, 2] += 1
                    for _ in range(pulses):
                        draw += np.uint64(1)
                        set_pulse(g, state, i, constants, pulse_noise(key, device, draw))
                else:
                    while abs(g[i] - other[i] - size) > tolerance_uS and pulses < max_pulses:
                        draw += np.uint64(1)
                        if g[i] - other[i] > size + tolerance_uS:
                            reset_pulse(g, state, i, constants, pulse_noise(key, device, draw))
                            resets += 1
                        else:
                            set_pulse(g, state, i, constants, pulse_noise(key, device, draw))
                        pulses += 1
                    if abs(g[i] - other[i] - size) > tolerance_uS:
                        tally[block, 2] += 1
                if last_plus.size > 0:
                    last_plus[i] = np.int32(update)
                    last_minus[i] = np.int32(update)
                if sets.size > 0:
                    # All but the first two RESETs went to the device that is written.
                    sets[i] += np.uint32(pulses - (resets - 2))
                    own_resets[i] += np.uint32(resets - 1)
                    other_resets[i] += np.uint32(1)
                tally[block, 0] += pulses
                tally[block, 1] += resets

    return kernel  # type: ignore[no-any-return]


def write_pairs(
    set_pulse: Any,
    reset_pulse: Any,
    pairs: Pairs,
    targets: NDArray[np.float32],
    how: int,
    g_min_uS: float,
    tolerance_uS: float,
    max_pulses: int,
    expected_rise: NDArray[np.float32],
    update: int,
    constants: NDArray[np.float32],
    key_plus: np.uint64,
    key_minus: np.uint64,
    wear: Wear = UNCOUNTED,
) -> tuple[int, int, int]:
    """RESET all pairs and bring the difference of each to its target.

    Args:
        set_pulse: a pulse of a model of `device_models.training`.
        reset_pulse: a pulse of a model of `device_models.training`.
        pairs: the devices; changed.
        targets: float32 [n], wanted `G+ - G-` of every device pair that shares a synapse, µS.
        how: `EXACT` (the targets themselves, without noise), `OPEN_LOOP` (a number of pulses after which the
            target is reached in expectation: one of the two numbers around it, drawn) or `WRITE_VERIFY` (pulse
            and read until within the tolerance; RESET after an overshoot).
        g_min_uS: conductance of a device at RESET, µS.
        tolerance_uS: of `WRITE_VERIFY`, and what a target of `OPEN_LOOP` may lie beyond all pulses, µS.
        max_pulses: pulses per device, below 2^32 - 1.
        expected_rise: float32, of `OPEN_LOOP`: expected conductance above RESET after 0, 1, 2 ... pulses,
            not falling, µS.
        update: number of the write, for the noise.
        constants: of the device functions.
        key_plus: stream of the noise on G+.
        key_minus: stream of the noise on G-.
        wear: counts the pulses; changed. An exact write takes its RESETs and no SET pulse.

    Returns:
        SET and repeated RESET pulses, RESETs in all, and pairs that were not brought within the tolerance (open
        loop: whose target lies beyond what the pulses reach in expectation).
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
            targets,
            how,
            g_min_uS,
            tolerance_uS,
            max_pulses,
            expected_rise,
            update,
            constants,
            key_plus,
            key_minus,
            tally,
        ),
    )
    pulses, resets, missed = tally.sum(axis=0)
    return int(pulses), int(resets), int(missed)
