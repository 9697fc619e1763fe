"""The converters around an analog matrix-vector product: what aihwkit's `AnalogMVM` does, in two passes over memory.

`dac` scales, quantises and clips the inputs; the product itself is a BLAS call of the caller; `adc` adds
the noise, quantises, clips and scales back. With the noise off the results have the bits of `AnalogMVM`,
whose dozen elementwise torch operations cost more than the product they surround.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.jit_on_call import jit_on_call
from kernels.random_streams import TILE, fill_normals

Matrix = NDArray[np.float32]

_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)


class Converters(NamedTuple):
    """One direction's converters. A step or a bound of 0 means none.

    Attributes:
        inp_step: width of a DAC step.
        inp_bound: largest input after scaling.
        inp_noise: std of the input noise.
        out_step: width of an ADC step.
        out_bound: largest output.
        out_noise: std of the output noise.
        abs_max: scale each input vector by its largest absolute value.
        max_halvings: how often the inputs may be halved when an output is clipped; 0 for never.
    """

    inp_step: float
    inp_bound: float
    inp_noise: float
    out_step: float
    out_bound: float
    out_noise: float
    abs_max: bool
    max_halvings: int


@jit_on_call("void(float32[:, ::1], float32[:, ::1], float32, uint64, uint64)", nogil=True)
def _add_noise(values, variance, noise, key, draw):  # type: ignore[no-untyped-def]
    flat = values.reshape(-1)
    own = variance.reshape(-1)
    z = np.empty(TILE, np.float32)
    for tile in range((flat.size + TILE - 1) // TILE):
        first = tile * TILE
        fill_normals(key, tile, draw, z)
        part = flat[first : first + TILE]
        if own.size > 0:
            for i in range(part.size):
                part[i] += np.sqrt(noise * noise + own[first + i]) * z[i]
        else:
            for i in range(part.size):
                part[i] += noise * z[i]


@jit_on_call(
    "boolean(float32[:, ::1], float32, float32, float32, float32, boolean, uint64, uint64,"
    " float32[:, ::1], float32[::1])",
    nogil=True,
    error_model="numpy",
)
def _dac(x, step, bound, noise, reduction, abs_max, key, draw, out, scale):  # type: ignore[no-untyped-def]
    n = x.shape[1]
    any_input = not abs_max
    for b in range(x.shape[0]):
        row = x[b]
        factor = _ONE
        if abs_max:
            largest = _ZERO
            for i in range(n):
                largest = max(largest, abs(row[i]))
            if largest > _ZERO:
                any_input = True
                factor = _ONE / largest
        factor = factor / reduction
        scale[b] = factor
        line = out[b]
        if step > _ZERO:
            for i in range(n):
                value = np.rint(row[i] * factor / step) * step
                line[i] = min(max(value, -bound), bound)
        else:
            for i in range(n):
                line[i] = min(max(row[i] * factor, -bound), bound)
    if noise > _ZERO:
        _add_noise(out, out[:0], noise, key, draw)
    return any_input


@jit_on_call(
    "boolean(float32[:, ::1], float32[:, ::1], float32[::1], float32, float32, float32, uint64, uint64)",
    nogil=True,
    error_model="numpy",
)
def _adc(y, variance, scale, step, bound, noise, key, draw):  # type: ignore[no-untyped-def]
    if noise > _ZERO or variance.size > 0:
        _add_noise(y, variance, noise, key, draw)
    largest = _ZERO
    n = y.shape[1]
    for b in range(y.shape[0]):
        back = _ONE / scale[b]
        line = y[b]
        if step > _ZERO:
            for j in range(n):
                value = np.rint(line[j] / step) * step
                largest = max(largest, abs(value))
                line[j] = min(max(value, -bound), bound) * back
        else:
            for j in range(n):
                value = line[j]
                largest = max(largest, abs(value))
                line[j] = min(max(value, -bound), bound) * back
    return largest <= bound


def dac(
    x: Matrix, converters: Converters, reduction: float, key: np.uint64, draw: int
) -> tuple[Matrix, NDArray[np.float32]] | None:
    """Drive the rows: scale, quantise, clip, add input noise.

    Args:
        x: float32 `[batch, n]`, C-contiguous.
        converters: see `Converters`.
        reduction: what bound management divides the inputs by; 1 in the first round.
        key: stream of the input noise.
        draw: number of the product; another one gives other noise.

    Returns:
        What the rows carry, `[batch, n]`, and the factor of each vector, `[batch]`; None if all inputs are zero
        and would be divided by zero: the product is zero then.
    """
    out = np.empty_like(x)
    scale = np.empty(x.shape[0], np.float32)
    any_input = _dac(
        x,
        converters.inp_step,
        converters.inp_bound or np.inf,
        converters.inp_noise,
        reduction,
        converters.abs_max,
        key,
        draw,
        out,
        scale,
    )
    # Input noise drives the rows even where there is no input.
    return (out, scale) if any_input or converters.inp_noise > 0.0 else None


def adc(
    y: Matrix,
    variance: Matrix,
    scale: NDArray[np.float32],
    converters: Converters,
    key: np.uint64,
    draw: int,
) -> bool:
    """Read the outputs, in place: add output noise, quantise, clip, undo the scaling of the inputs.

    Args:
        y: float32 `[batch, n]`, C-contiguous: the product; overwritten.
        variance: float32 `[batch, n]`, variance that the devices' read noise adds to each output; size 0
            for none.
        scale: float32 `[batch]`, from `dac`.
        converters: see `Converters`.
        key: stream of the output noise.
        draw: number of the product; another one gives other noise.

    Returns:
        Whether no output was clipped.
    """
    return bool(
        _adc(
            y,
            variance,
            scale,
            converters.out_step,
            converters.out_bound or np.inf,
            converters.out_noise,
            key,
            draw,
        )
    )
