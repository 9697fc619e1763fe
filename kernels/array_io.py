"""The converters of a layer on arrays, for batches of any shape: one pass before the product and one behind it.

Unlike `kernels.mvm_io`, whose inputs are scaled vector by vector, the range of the inputs is one number. So the DAC
acts on an image before it is unfolded, and the ADC on the image that a convolution gave, its arrays along the channels.
The variance of the read noise is held in bfloat16: rounding changes a standard deviation by 0.1 % at most, and halves
the memory of a product that is as large as the first, and on CPUs that multiply bfloat16 takes a third of its time.
Normals are numbered by where an output stands in the batch: results have the same bits on any number of threads.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals

Vector = NDArray[np.float32]

_ZERO = np.float32(0.0)
_ELEMENTS_PER_DEVICE = 8
"""An element of a batch costs about as much as this many devices of the kernels that `for_blocks` was tuned for."""


@njit(forceinline=True)
def _as_bfloat16(value):  # type: ignore[no-untyped-def]
    """The bits of the nearest bfloat16, ties to even."""
    bits = np.float32(value).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


@njit(forceinline=True)
def _from_bfloat16(bits):  # type: ignore[no-untyped-def]
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@jit_on_call(
    "void(int64, int64, float32[::1], float32, float32, float32, float32[::1], uint16[::1])",
    nogil=True,
    error_model="numpy",
)
def _drive(first, past_last, x, factor, step, bound, out, squares):  # type: ignore[no-untyped-def]
    squared = squares.size > 0
    # A tile stays in the first-level cache from one loop to the next, and each loop is simple enough to vectorise.
    for begin in range(first, past_last, TILE):
        end = min(begin + TILE, past_last)
        values = out[begin:end]
        own = x[begin:end]
        for i in range(values.size):
            values[i] = own[i] * factor
        if step > _ZERO:
            for i in range(values.size):
                values[i] = np.rint(values[i] / step) * step
        for i in range(values.size):
            # Infinity and NaN come out as NaN: no converter drives them.
            values[i] = min(max(values[i], -bound), bound) + own[i] * _ZERO
        if squared:
            target = squares[begin:end]
            for i in range(values.size):
                target[i] = _as_bfloat16(values[i] * values[i])


@njit(forceinline=True)
def _convert(values, width, limit):  # type: ignore[no-untyped-def]
    """Quantise and clip, in place; whether a value was clipped."""
    if width > _ZERO:
        for i in range(values.size):
            values[i] = np.rint(values[i] / width) * width
    beyond = np.int32(0)
    for i in range(values.size):
        beyond |= np.int32(abs(values[i]) > limit)
    for i in range(values.size):
        values[i] = min(max(values[i], -limit), limit)
    return beyond > 0


@njit(forceinline=True)
def _convert_columns(values, width, limit, back, clipped):  # type: ignore[no-untyped-def]
    """The same for one output of each column, and scale back."""
    if width[0] > _ZERO:  # all of them have steps, or none has
        for i in range(values.size):
            values[i] = np.rint(values[i] / width[i]) * width[i]
    for i in range(values.size):
        clipped[i] |= np.uint8(abs(values[i]) > limit[i])
    for i in range(values.size):
        values[i] = min(max(values[i], -limit[i]), limit[i]) * back[i]


@jit_on_call(
    "void(int64, int64, int64, int64, float32[::1], uint16[::1], float32[::1], float32[::1], float32[::1],"
    " float32, uint64, uint64, boolean, float32[::1], uint8[::1])",
    nogil=True,
    error_model="numpy",
)
def _sense(  # type: ignore[no-untyped-def]
    first,
    past_last,
    channels,
    length,
    y,
    variance,
    step,
    bound,
    scale,
    noise,
    key,
    draw,
    adds,
    out,
    clipped,
):
    scratch = np.empty(TILE, np.float32)
    noisy = variance.size > 0
    for tile in range(first, past_last):
        begin = tile * TILE
        size = min(TILE, y.size - begin)
        values = scratch[:size]
        own = y[begin : begin + size]
        if noisy:
            fill_normals(key, tile, draw, scratch)
            spread = variance[begin : begin + size]
            for i in range(size):
                values[i] = own[i] + values[i] * np.sqrt(noise * noise + _from_bfloat16(spread[i]))
        elif noise > _ZERO:
            fill_normals(key, tile, draw, scratch)
            for i in range(size):
                values[i] = own[i] + values[i] * noise
        else:
            for i in range(size):
                values[i] = own[i]
        at = 0
        while at < size:
            if length == 1:
                c = (begin + at) % channels
                stop = min(at + channels - c, size)
                columns = slice(c, c + stop - at)
                _convert_columns(
                    values[at:stop], step[columns], bound[columns], scale[columns], clipped[columns]
                )
            else:
                line = (begin + at) // length
                c = line % channels
                stop = min((line + 1) * length - begin, size)
                part = values[at:stop]
                if _convert(part, step[c], bound[c]):
                    clipped[c] = 1
                back = scale[c]
                for i in range(part.size):
                    part[i] *= back
            at = stop
        target = out[begin : begin + size]
        if adds:
            for i in range(size):
                target[i] += values[i]
        else:
            for i in range(size):
                target[i] = values[i]


def drive(
    x: NDArray[np.float32],
    factor: float,
    step: float,
    bound: float,
    squares: bool,
) -> tuple[NDArray[np.float32], NDArray[np.uint16] | None]:
    """What the rows carry: inputs scaled, quantised and clipped.

    Args:
        x: float32, any shape, C-contiguous.
        factor: 1 over the input that drives a row fully.
        step: width of a DAC step, in units of a full input; 0 for none.
        bound: largest value after scaling; infinity for none.
        squares: give the squares as well, for the variance of the read noise.

    Returns:
        float32 of the shape of `x`: what the rows carry, NaN where a value is NaN or infinite; and its squares
        as the bits of bfloat16, or None.
    """
    out = np.empty_like(x)
    squared = np.empty(x.shape if squares else 0, np.uint16)
    flat = (x.reshape(-1), out.reshape(-1), squared.reshape(-1))
    for_blocks(
        x.size,
        x.size * _ELEMENTS_PER_DEVICE,
        lambda first, past_last: _drive(
            first, past_last, flat[0], factor, step, bound, flat[1], flat[2]
        ),
    )
    return out, squared if squares else None


def sense(
    y: NDArray[np.float32],
    variance: NDArray[np.uint16] | None,
    step: Vector,
    bound: Vector,
    scale: Vector,
    noise: float,
    key: np.uint64,
    draw: int,
    into: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Read the outputs: add noise, quantise, clip, scale back, and add to what other row blocks gave.

    Args:
        y: float32 `[batch, n_out, ...]`, C-contiguous: the products, in units of a pair at full range driven fully.
        variance: of the devices' read noise, bits of bfloat16, of the same shape; None for none.
        step: float32 `[n_out]`, width of an ADC step; 0 for none.
        bound: float32 `[n_out]`, largest output; infinity for none.
        scale: float32 `[n_out]`, factor behind the ADC.
        noise: standard deviation of the output noise before the ADC.
        key: stream of the noise.
        draw: number of the product; another one gives other noise.
        into: float32 of the shape of `y`, to which results are added; None to write them over `y`.

    Returns:
        uint8 `[n_out]`: 1 where an output was clipped.
    """
    channels = y.shape[1]
    length = int(np.prod(y.shape[2:]))
    clipped = np.zeros(channels, np.uint8)
    flat = y.reshape(-1)
    spread = np.empty(0, np.uint16) if variance is None else variance.reshape(-1)
    out = flat if into is None else into.reshape(-1)
    tiles = (y.size + TILE - 1) // TILE
    for_blocks(
        tiles,
        y.size * _ELEMENTS_PER_DEVICE,
        lambda first, past_last: _sense(
            first,
            past_last,
            channels,
            length,
            flat,
            spread,
            step,
            bound,
            scale,
            noise,
            key,
            draw,
            into is not None,
            out,
            clipped,
        ),
    )
    return clipped
