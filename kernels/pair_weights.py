"""What a crossbar multiplies with: the difference of each pair, summed over the devices that share a synapse."""

import numpy as np
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call

_ARRAYS = "float32[:, ::1], float32[:, ::1], float32, float32[::1]"


@jit_on_call(f"void(int64, int64, {_ARRAYS})", nogil=True, fastmath={"contract"})
def _weights(first, past_last, g_plus, g_minus, unit, out):  # type: ignore[no-untyped-def]
    for e in range(first, past_last):
        out[e] = (g_plus[0, e] - g_minus[0, e]) * unit
    for k in range(1, g_plus.shape[0]):
        for e in range(first, past_last):
            out[e] += (g_plus[k, e] - g_minus[k, e]) * unit


def pair_weights(
    g_plus: NDArray[np.float32],
    g_minus: NDArray[np.float32],
    unit: float,
    out: NDArray[np.float32],
) -> None:
    """`out[e] = unit * sum_k (g_plus[k, e] - g_minus[k, e])`.

    Args:
        g_plus: float32 `[K, n]`, µS.
        g_minus: float32 `[K, n]`, µS.
        unit: weight of 1 µS.
        out: float32 `[n]`, overwritten.
    """
    for_blocks(
        out.size,
        2 * g_plus.size,
        lambda first, past_last: _weights(first, past_last, g_plus, g_minus, unit, out),
    )
