"""The part of 1/f read noise that a device's conductance decides: a clipped power law."""

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.fast_math import exp, log
from kernels.jit_on_call import jit_on_call

_SMALLEST_RELATIVE = np.float32(1e-30)


@jit_on_call(
    "void(int64, int64, float32[::1], float32[::1], float32, float32, float32, float32[::1])",
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _law(  # type: ignore[no-untyped-def]
    first, past_last, g_programmed, g_max, coefficient, exponent, ceiling, out
):
    alike = g_max.size == 1
    programmed = g_programmed[first:past_last]
    largest = g_max if alike else g_max[first:past_last]
    noise = out[first:past_last]
    same = np.float32(1.0) / g_max[0]
    for j in range(programmed.size):
        x = programmed[j] * (same if alike else np.float32(1.0) / largest[j])
        power = exp(-exponent * log(max(x, _SMALLEST_RELATIVE)))
        noise[j] = min(coefficient * power, ceiling)


def relative_noise(
    g_programmed: NDArray[np.float32],
    g_max: NDArray[np.float32],
    coefficient: float,
    exponent: float,
    ceiling: float,
) -> NDArray[np.float32]:
    """`min(coefficient (g / g_max)^-exponent, ceiling)`.

    Args:
        g_programmed: float32 [n], µS.
        g_max: float32 [n] or [1], largest target of each device, µS.
        coefficient: value at g_max.
        exponent: of the power law.
        ceiling: largest value.

    Returns:
        float32 [n].
    """
    out = np.empty_like(g_programmed)
    for_blocks(
        g_programmed.size,
        g_programmed.size,
        lambda first, past_last: _law(
            first, past_last, g_programmed, g_max, coefficient, exponent, ceiling, out
        ),
    )
    return out
