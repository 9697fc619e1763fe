"""Stochastic pulse trains along rows and columns; a device is pulsed in the slots where both fire.

In slot s of the train of one sample, row i fires with the probability `p |x_i| / max|x|`, column j with `p
|d_j| / max|d|`, where `p^2 * slots` is the number of pulses due at the largest product. Which rows and
columns fire is drawn by geometric skipping over the (slot, line) grid, so the work follows the pulses that
fire and not the number of crosspoints.

T. Gokmen and Y. Vlasov, Front. Neurosci. 10, 333 (2016); geometric skipping: L. Devroye, *Non-Uniform
Random Variate Generation*, Springer 1986, chapter X.2.
"""

from collections.abc import Callable
from functools import cache
from math import log1p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fast_math import log
from kernels.jit_on_call import jit_on_call
from kernels.pair_pulses import DRAW_BITS, PAIRS, Pairs, pulse_noise
from kernels.pair_wear import UNCOUNTED, WEAR, Wear
from kernels.random_streams import words

_TWO_TO_MINUS_32 = np.float32(2.0**-32)
_HALF = np.float32(0.5)
_LONG = np.float32(1e9)


@jit_on_call("int64(float32[::1], int32[::1], float32[::1])", nogil=True)
def _lines(values, order, size):  # type: ignore[no-untyped-def]
    """The lines with a value: which they are, and their values relative to the largest."""
    count = 0
    largest = np.float32(0.0)
    for i in range(values.size):
        value = abs(values[i])
        if value > np.float32(0.0):
            order[count] = i
            size[count] = value
            largest = max(largest, value)
            count += 1
    for r in range(count):
        size[r] /= largest
    return count


@jit_on_call(
    "void(float32, float32[::1], int32[::1], int64, int64, uint64, uint64, int32[::1], int64[::1])",
    nogil=True,
    error_model="numpy",
)
def _fire(p, size, order, count, slots, key, index, fired, start):  # type: ignore[no-untyped-def]
    """The lines that fire, slot by slot: those of slot s are `fired[start[s] : start[s + 1]]`."""
    fired_so_far = 0
    slot = 0
    start[0] = 0
    cell = np.int64(-1)
    cells = count * slots
    per_gap = np.float32(0.0) if p >= np.float32(1.0) else np.float32(1.0 / log1p(-p))
    draw = np.uint64(0)
    while cell < cells:
        w0, w1, w2, w3 = words(key, index, draw)
        draw += np.uint64(1)
        for half in range(2):
            gap_word = w0 if half == 0 else w2
            keep_word = w1 if half == 0 else w3
            u = (np.float32(gap_word) + _HALF) * _TWO_TO_MINUS_32
            cell += 1 + np.int64(min(max(log(u) * per_gap, np.float32(0.0)), _LONG))
            if cell >= cells:
                break
            at = cell // count
            while slot < at:
                slot += 1
                start[slot] = fired_so_far
            line = cell - at * count
            if np.float32(keep_word) * _TWO_TO_MINUS_32 < size[line]:
                fired[fired_so_far] = order[line]
                fired_so_far += 1
    while slot < slots:
        slot += 1
        start[slot] = fired_so_far


@cache
def _kernel(set_pulse: Any) -> Callable[..., tuple[int, int]]:
    @jit_on_call(
        f"UniTuple(int64, 2)({PAIRS}, {WEAR}, float32[:, ::1], float32[:, ::1], float32, int64, int64,"
        " uint64, float32[::1], uint64, uint64)",
        nogil=True,
    )
    def kernel(  # type: ignore[no-untyped-def]
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
        x,
        d,
        pulses_per_product,
        slots,
        turn,
        update,
        constants,
        key_trains,
        key_pulses,
    ):
        batch, n_in = x.shape
        n_out = d.shape[1]
        n = n_out * n_in
        sharing = g_plus.size // n
        rows = np.empty(n_in, np.int32)
        row_size = np.empty(n_in, np.float32)
        columns = np.empty(n_out, np.int32)
        column_size = np.empty(n_out, np.float32)
        fired_rows = np.empty(n_in * slots, np.int32)
        fired_columns = np.empty(n_out * slots, np.int32)
        row_start = np.empty(slots + 1, np.int64)
        column_start = np.empty(slots + 1, np.int64)
        pulses = 0
        saturated = 0
        for b in range(batch):
            n_rows = _lines(x[b], rows, row_size)
            n_columns = _lines(d[b], columns, column_size)
            if n_rows == 0 or n_columns == 0:
                continue
            largest = np.max(np.abs(x[b])) * np.max(np.abs(d[b]))
            p = np.sqrt(pulses_per_product * largest / np.float32(slots))
            if p > np.float32(1.0):
                p = np.float32(1.0)
                saturated += 1
            sample = (update << DRAW_BITS) | np.uint64(2 * b)
            _fire(
                p,
                column_size,
                columns,
                n_columns,
                slots,
                key_trains,
                sample,
                fired_columns,
                column_start,
            )
            if column_start[slots] == 0:
                continue
            _fire(
                p,
                row_size,
                rows,
                n_rows,
                slots,
                key_trains,
                sample | np.uint64(1),
                fired_rows,
                row_start,
            )
            for slot in range(slots):
                k = (turn + b * slots + slot) % sharing
                for c in range(column_start[slot], column_start[slot + 1]):
                    j = fired_columns[c]
                    for r in range(row_start[slot], row_start[slot + 1]):
                        i = fired_rows[r]
                        device = k * n + j * n_in + i
                        z = pulse_noise(key_pulses, np.uint64(pulses), update)
                        pulses += 1
                        if (x[b, i] > np.float32(0.0)) != (d[b, j] > np.float32(0.0)):
                            set_pulse(g_plus, state_plus, device, constants, z)
                            if last_plus.size > 0:
                                last_plus[device] = np.int32(update)
                            if set_plus.size > 0:
                                set_plus[device] += np.uint32(1)
                        else:
                            set_pulse(g_minus, state_minus, device, constants, z)
                            if last_minus.size > 0:
                                last_minus[device] = np.int32(update)
                            if set_minus.size > 0:
                                set_minus[device] += np.uint32(1)
        return pulses, saturated

    return kernel  # type: ignore[no-any-return]


def coincident_pulses(
    set_pulse: Any,
    pairs: Pairs,
    x: NDArray[np.float32],
    d: NDArray[np.float32],
    pulses_per_product: float,
    slots: int,
    turn: int,
    update: int,
    constants: NDArray[np.float32],
    key_trains: np.uint64,
    key_pulses: np.uint64,
    wear: Wear = UNCOUNTED,
) -> tuple[int, int]:
    """Apply the pulses of one mini-batch: in the mean `-pulses_per_product * d_j x_i` at each crosspoint and sample.

    Args:
        set_pulse: a pulse of a model of `device_models.training`.
        pairs: the devices, crosspoint (j, i) at `j * n_in + i`; changed.
        x: float32 [batch, n_in].
        d: float32 [batch, n_out].
        pulses_per_product: pulses per unit of `d_j x_i`.
        slots: length of a train.
        turn: arbitration counter at the first slot.
        update: number of the update.
        constants: of the device function.
        key_trains: stream of the trains.
        key_pulses: stream of the pulses' noise.
        wear: counts the pulses; changed.

    Returns:
        Pulses applied, and samples whose trains saturated: more than one pulse per slot would have been due.
    """
    return _kernel(set_pulse)(
        *pairs,
        *wear,
        x,
        d,
        pulses_per_product,
        slots,
        turn,
        update,
        constants,
        key_trains,
        key_pulses,
    )
