"""16-bit words for optimizer state: bfloat16, rounded stochastically.

bfloat16 keeps the range of float32 and 8 bits of its precision. With rounding to nearest, a moving average
with a decay of 0.999 would stop moving; stochastic rounding keeps it right in the mean (S. Gupta et al.,
*Deep learning with limited numerical precision*, ICML 2015).
"""

import numpy as np
from numpy.typing import NDArray

from kernels.bulk_random import for_tiles
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, words

_LOW_BITS = np.uint32(0xFFFF)
_SIXTEEN = np.uint32(16)


@jit_on_call("void(int64, int64, uint32[::1], uint64, uint64, uint16[::1])", nogil=True)
def _encode(first_tile, past_last_tile, bits, key, draw, out):  # type: ignore[no-untyped-def]
    for i in range(first_tile * TILE, min(past_last_tile * TILE, bits.size)):
        w0, _, _, _ = words(key, np.uint64(i), draw)
        out[i] = np.uint16(np.uint32(bits[i] + (w0 & _LOW_BITS)) >> _SIXTEEN)


def encode(values: NDArray[np.float32], key: np.uint64, draw: int, out: NDArray[np.uint16]) -> None:
    """Round to bfloat16, up or down with the probabilities that keep the mean.

    Args:
        values: float32 [n], finite.
        key: stream of the rounding.
        draw: number of the rounding.
        out: uint16 [n], the upper halves of the rounded numbers; overwritten.
    """
    bits = np.ascontiguousarray(values).view(np.uint32)
    for_tiles(values.size, lambda first, past: _encode(first, past, bits, key, draw, out))


def decode(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 numbers that the words stand for."""
    return (stored.astype(np.uint32) << 16).view(np.float32)
