"""Reading pairs by the law of `kernels.read_law`: the mean weights and the variance of their read noise.

Read noise is white from one input vector to the next, so drawing it per device and vector can be left out: the output
of a column is a sum over its devices, whose means and variances add up, `x_i mean_i` and `x_i^2 variance_i`.
"""

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call
from kernels.pair_pulses import PAIRS, Pairs
from kernels.read_law import READ_LAW, ReadLaw, drifted, log_age, read_moments


@jit_on_call(
    f"void(int64, int64, {PAIRS}, {READ_LAW}, float32, float32, int64, float32, float32[::1], float32[::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _read(  # type: ignore[no-untyped-def]
    first,
    past_last,
    g_plus,
    g_minus,
    state_plus,
    state_minus,
    last_plus,
    last_minus,
    nu_row,
    reference_s,
    noise_slope,
    noise_offset_uS,
    g_max_uS,
    seconds_per_update,
    later_s,
    update,
    unit,
    weights,
    variance,
):
    n = weights.size
    dated = last_plus.size > 0
    noisy = variance.size > 0
    age = log_age(later_s, reference_s)
    drifts = dated or age > np.float32(0.0)
    for e in range(first, past_last):
        weight = np.float32(0.0)
        noise = np.float32(0.0)
        for k in range(g_plus.size // n):
            i = k * n + e
            plus = g_plus[i]
            minus = g_minus[i]
            if drifts:
                if dated:
                    # A read comes one update after the pulse at the earliest.
                    updates = np.float32(update + 1 - last_plus[i])
                    age = log_age(updates * seconds_per_update + later_s, reference_s)
                plus = drifted(plus, state_plus[nu_row, i], age)
                if dated:
                    updates = np.float32(update + 1 - last_minus[i])
                    age = log_age(updates * seconds_per_update + later_s, reference_s)
                minus = drifted(minus, state_minus[nu_row, i], age)
            if noisy:
                plus, spread = read_moments(plus, noise_slope, noise_offset_uS, g_max_uS)
                noise += spread
                minus, spread = read_moments(minus, noise_slope, noise_offset_uS, g_max_uS)
                noise += spread
            weight += plus - minus
        weights[e] = weight * unit
        if noisy:
            variance[e] = noise * (unit * unit)


def read_pairs(
    pairs: Pairs,
    law: ReadLaw,
    seconds_per_update: float,
    later_s: float,
    update: int,
    unit: float,
    weights: NDArray[np.float32],
    variance: NDArray[np.float32],
) -> None:
    """The weights as drifted, and the mean and variance of their read noise.

    The age of a device is `(update + 1 - last pulse) * seconds_per_update + later_s` where pulses are
    dated, `later_s` where they are not.

    Args:
        pairs: the devices; left as they are.
        law: drift, noise and bounds.
        seconds_per_update: s.
        later_s: time after the last update at which the read takes place, s.
        update: number of the last update.
        unit: weight of 1 µS.
        weights: float32 [n], overwritten: means over the read noise, where that is asked for.
        variance: float32 [n], overwritten; size 0 to read without noise.
    """
    for_blocks(
        weights.size,
        8 * pairs.g_plus.size,
        lambda first, past_last: _read(
            first,
            past_last,
            *pairs,
            *law,
            seconds_per_update,
            later_s,
            update,
            unit,
            weights,
            variance,
        ),
    )
