"""Node importance where several devices share each polarity of a synapse.

Kept apart from `kernels.importance` since most crossbars have one device per polarity and need not wait for this
kernel to compile.
"""

import numba
import numpy as np
import numpy.typing as npt

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call

Vector = npt.NDArray[np.float32]

_STACK = numba.types.Array(numba.float32, 3, "C", readonly=True)


@jit_on_call(
    numba.void(_STACK, _STACK, numba.float32[::1], numba.int64, numba.int64),
    nogil=True,
    fastmath={"reassoc", "nsz", "contract"},
)
def _per_synapse(g_plus, g_minus, importance, first, past_last):  # type: ignore[no-untyped-def]
    devices, _, n_in = g_plus.shape
    synapse = np.empty(n_in, np.float32)
    for j in range(first, past_last):
        synapse[:] = 0.0
        for k in range(devices):
            for i in range(n_in):
                synapse[i] += g_plus[k, j, i] - g_minus[k, j, i]
        total = np.float32(0.0)
        for i in range(n_in):
            total += abs(synapse[i])
        importance[j] = total


def per_synapse(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> Vector:
    """Exact importance of each node, ``sum_i |sum_k (G+_kji - G-_kji)|``.

    Args:
        g_plus: conductances of the positive devices, µS, ``[K, n_out, n_in]``.
        g_minus: conductances of the negative devices, same shape, µS.

    Returns:
        ``[n_out]`` float32, µS.

    Raises:
        ValueError: the arrays are not two stacks of matrices of one shape.
    """
    plus = np.ascontiguousarray(g_plus, dtype=np.float32)
    minus = np.ascontiguousarray(g_minus, dtype=np.float32)
    if plus.ndim != 3 or plus.shape != minus.shape:
        raise ValueError(
            f"g_plus and g_minus must be [K, n_out, n_in] of one shape (got {plus.shape} and {minus.shape})"
        )
    importance = np.empty(plus.shape[1], np.float32)
    for_blocks(
        plus.shape[1],
        plus.size,
        lambda first, past: _per_synapse(plus, minus, importance, first, past),
    )
    return importance
