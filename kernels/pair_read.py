"""Reading pairs that drift since their last pulse and carry read noise: the weights and the variance of the noise.

Read noise is white from one input vector to the next, so drawing it per device and vector can be left out:
    the output of
a column is a sum over its devices, and the variances `x_i^2 sigma_i^2` add up.
"""

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.fast_math import exp, log
from kernels.jit_on_call import jit_on_call
from kernels.pair_pulses import PAIRS, Pairs
from kernels.read_law import ReadLaw


@jit_on_call(
    f"void(int64, int64, {PAIRS}, float32, float32, float32, float32, float32, float32, int64, float32,"
    " float32[::1], float32[::1])",
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
    nu,
    reference_s,
    noise_slope,
    noise_offset_uS,
    seconds_per_update,
    later_s,
    update,
    unit,
    weights,
    variance,
):
    n = weights.size
    drifts = last_plus.size > 0
    for e in range(first, past_last):
        weight = np.float32(0.0)
        noise = np.float32(0.0)
        for k in range(g_plus.size // n):
            i = k * n + e
            plus = g_plus[i]
            minus = g_minus[i]
            if drifts:
                # A read comes one update after the pulse at the earliest.
                age = np.float32(update + 1 - last_plus[i]) * seconds_per_update + later_s
                plus *= exp(-nu * log(age / reference_s))
                age = np.float32(update + 1 - last_minus[i]) * seconds_per_update + later_s
                minus *= exp(-nu * log(age / reference_s))
            elif later_s > np.float32(0.0):
                decay = exp(-nu * log(later_s / reference_s))
                plus *= decay
                minus *= decay
            weight += plus - minus
            spread = noise_slope * plus + noise_offset_uS
            noise += spread * spread
            spread = noise_slope * minus + noise_offset_uS
            noise += spread * spread
        weights[e] = weight * unit
        if variance.size > 0:
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
    """The weights as drifted, and the variance of their read noise.

    The age of a device is `(update + 1 - last pulse) * seconds_per_update + later_s` where pulses are
    dated, `later_s` where they are not; without either there is no drift.

    Args:
        pairs: the devices; left as they are.
        law: drift and noise.
        seconds_per_update: s.
        later_s: time after the last update at which the read takes place, s.
        update: number of the last update.
        unit: weight of 1 µS.
        weights: float32 [n], overwritten.
        variance: float32 [n], overwritten; size 0 if not wanted.
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
