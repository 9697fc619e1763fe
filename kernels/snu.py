"""The spiking neural unit over time: its state forward, and backpropagation through time.

    s_t = g(a_t + d * s_{t-1} * (1 - r_{t-1}))        y_t = h(s_t + b)

with the drive a_t (input, and recurrent input, already weighted), the decay d, and the reset r = y, or under lateral
inhibition r = the largest y of the layer. h is the step function, whose derivative is replaced by a pseudo-derivative,
or the sigmoid. Equations: Woźniak et al., Nat. Mach. Intell. 2, 325 (2020), arXiv 1812.07040; lateral inhibition:
the authors' toolkit IBM/neuroaikit (there over the whole batch, here over the layer of each sequence).

A sequence of the batch is one row, and rows are independent: the result has the same bits for any number of threads.
Loops are cut into short ones so that LLVM can tell that their arrays do not overlap, and vectorises them.
"""

from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from kernels.column_blocks import for_blocks
from kernels.fast_math import exp
from kernels.jit_on_call import jit_on_call

Array = npt.NDArray[np.float32]

LEAK = 0.1
"""Slope of the leaky ReLU below zero, as in the paper."""


class InputActivation(IntEnum):
    """g, which bounds the state."""

    IDENTITY = 0
    LEAKY_RELU = 1
    RELU = 2


class OutputFunction(IntEnum):
    """h with its derivative: the sigmoid with its own, the step function with one of the pseudo-derivatives."""

    SIGMOID = 0
    STEP_TANH = 1
    """1 - tanh(z)^2, as in the paper."""
    STEP_TRIANGLE = 2
    """max(0, 1 - |z|)"""
    STEP_FAST_SIGMOID = 3
    """1 / (1 + |z|)^2"""
    STEP_ARCTAN = 4
    """1 / (1 + (pi z)^2)"""


# Compiled functions see an enum's member as a plain number.
_LEAKY_RELU, _RELU = int(InputActivation.LEAKY_RELU), int(InputActivation.RELU)
_SIGMOID = int(OutputFunction.SIGMOID)
_TANH, _TRIANGLE = int(OutputFunction.STEP_TANH), int(OutputFunction.STEP_TRIANGLE)
_FAST_SIGMOID = int(OutputFunction.STEP_FAST_SIGMOID)
_ONE = np.float32(1.0)
_LEAK = np.float32(LEAK)
_PI2 = np.float32(np.pi**2)
_SEQUENCE = numba.float32[:, :, ::1]
_BATCH = numba.float32[:, ::1]
_UNITS = numba.float32[::1]
_FLAGS = {"contract"}


@numba.njit(nogil=True, fastmath=_FLAGS)
def _outputs(h, s, bias, y):  # type: ignore[no-untyped-def]
    if h == _SIGMOID:
        for j in range(s.size):
            y[j] = _ONE / (_ONE + exp(-(s[j] + bias[j])))
    else:
        for j in range(s.size):
            y[j] = _ONE if s[j] + bias[j] > 0.0 else np.float32(0.0)


@numba.njit(nogil=True, fastmath=_FLAGS)
def _slopes(h, s, bias, y, slope):  # type: ignore[no-untyped-def]
    """h'(s + b) into `slope`."""
    if h == _SIGMOID:
        for j in range(s.size):
            slope[j] = y[j] * (_ONE - y[j])
    elif h == _TANH:
        for j in range(s.size):
            q = exp(np.float32(-2.0) * abs(s[j] + bias[j]))
            slope[j] = np.float32(4.0) * q / ((_ONE + q) * (_ONE + q))
    elif h == _TRIANGLE:
        for j in range(s.size):
            slope[j] = max(np.float32(0.0), _ONE - abs(s[j] + bias[j]))
    elif h == _FAST_SIGMOID:
        for j in range(s.size):
            width = _ONE + abs(s[j] + bias[j])
            slope[j] = _ONE / (width * width)
    else:
        for j in range(s.size):
            z = s[j] + bias[j]
            slope[j] = _ONE / (_ONE + _PI2 * z * z)


@numba.njit(nogil=True, fastmath=_FLAGS)
def _kept(inhibition, y, kept):  # type: ignore[no-untyped-def]
    """1 - r: the share of each unit's state that survives the outputs `y`."""
    if inhibition:
        largest = y[0]
        for j in range(1, y.size):
            largest = max(largest, y[j])
        kept[:] = _ONE - largest
    else:
        for j in range(y.size):
            kept[j] = _ONE - y[j]


@numba.njit(nogil=True)
def _share_among_winners(y, gradient):  # type: ignore[no-untyped-def]
    """The gradient of the largest output goes to the units that have it, in equal shares."""
    total = np.float32(0.0)
    largest = y[0]
    for j in range(y.size):
        total += gradient[j]
        largest = max(largest, y[j])
    winners = 0
    for j in range(y.size):
        winners += y[j] == largest
    for j in range(y.size):
        gradient[j] = total / np.float32(winners) if y[j] == largest else np.float32(0.0)


@jit_on_call(
    numba.void(
        _SEQUENCE, _BATCH, _BATCH, _UNITS, _UNITS, numba.int64, numba.int64, numba.boolean,
        _SEQUENCE, _SEQUENCE, numba.int64, numba.int64,
    ),
    nogil=True,
    fastmath=_FLAGS,
)  # fmt: skip
def _forward(drive, s0, y0, bias, decay, g, h, inhibition, s, y, first, past):  # type: ignore[no-untyped-def]
    kept = np.empty(drive.shape[2], np.float32)
    for row in range(first, past):
        s_before, y_before = s0[row], y0[row]
        for t in range(drive.shape[0]):
            a, now = drive[t, row], s[t, row]
            _kept(inhibition, y_before, kept)
            for j in range(kept.size):
                kept[j] *= decay[j]
            for j in range(kept.size):
                now[j] = a[j] + kept[j] * s_before[j]
            # Written so that NaN stays NaN.
            if g == _LEAKY_RELU:
                for j in range(kept.size):
                    now[j] = _LEAK * now[j] if now[j] < 0.0 else now[j]
            elif g == _RELU:
                for j in range(kept.size):
                    now[j] = np.float32(0.0) if now[j] < 0.0 else now[j]
            _outputs(h, now, bias, y[t, row])
            s_before, y_before = now, y[t, row]


@jit_on_call(
    numba.void(
        _SEQUENCE, _SEQUENCE, _BATCH, _BATCH, _UNITS, _UNITS, numba.int64, numba.int64, numba.boolean,
        _SEQUENCE, _SEQUENCE, _BATCH, _BATCH, _BATCH, _BATCH, numba.int64, numba.int64,
    ),
    nogil=True,
    fastmath=_FLAGS,
)  # fmt: skip
def _backward(s, y, s0, y0, bias, decay, g, h, inhibition, dy, da, ds0, dy0, db, dd, first, past):  # type: ignore[no-untyped-def]
    """`ds0`, `dy0`: in, gradients behind the last step; out, before the first. `db`, `dd` are added to."""
    units = bias.size
    slope = np.empty(units, np.float32)
    kept = np.empty(units, np.float32)
    for row in range(first, past):
        to_s, to_y, to_b, to_d = ds0[row], dy0[row], db[row], dd[row]
        for t in range(s.shape[0] - 1, -1, -1):
            now, error, through = s[t, row], dy[t, row], da[t, row]
            s_before = s[t - 1, row] if t > 0 else s0[row]
            y_before = y[t - 1, row] if t > 0 else y0[row]
            _slopes(h, now, bias, y[t, row], slope)
            for j in range(units):
                slope[j] *= error[j] + to_y[j]
            for j in range(units):
                to_b[j] += slope[j]
            for j in range(units):
                through[j] = to_s[j] + slope[j]
            if g == _LEAKY_RELU:
                for j in range(units):
                    through[j] *= _LEAK if now[j] < 0.0 else _ONE
            elif g == _RELU:
                for j in range(units):
                    through[j] *= _ONE if now[j] > 0.0 else np.float32(0.0)
            _kept(inhibition, y_before, kept)
            for j in range(units):
                to_s[j] = through[j] * kept[j]
            for j in range(units):
                to_d[j] += to_s[j] * s_before[j]
            for j in range(units):
                to_s[j] *= decay[j]
            for j in range(units):
                to_y[j] = -through[j] * decay[j] * s_before[j]
            if inhibition:
                _share_among_winners(y_before, to_y)


class Layer(NamedTuple):
    """What stays the same over time: arrays ``[units]`` float32, and the names of the functions."""

    bias: Array
    """b: minus the threshold."""
    decay: Array
    """d"""
    input_activation: InputActivation
    """g"""
    output_function: OutputFunction
    """h"""
    lateral_inhibition: bool
    """Any output resets every unit of the layer."""


class Errors(NamedTuple):
    """Gradients that `backward` carries along, ``[batch, units]`` float32."""

    s: Array
    """Of the state: behind the last step before the call, before the first step after it."""
    y: Array
    """Of the outputs that flow on in time, likewise."""
    bias: Array
    """Of the bias, summed over time but not over the batch; added to."""
    decay: Array
    """Of the decay, likewise."""


def _codes(layer: Layer) -> tuple[int, int]:
    """Plain numbers: handing an enum to a compiled function takes longer than a time step."""
    return int(layer.input_activation), int(layer.output_function)


def forward(layer: Layer, drive: Array, s0: Array, y0: Array, s: Array, y: Array) -> None:
    """States and outputs of a layer for every time step.

    All arrays are float32 and C-contiguous.

    Args:
        layer: the layer.
        drive: weighted inputs a, ``[time, batch, units]``.
        s0: states before the first step, ``[batch, units]``.
        y0: outputs before the first step, ``[batch, units]``.
        s: is filled with the states, ``[time, batch, units]``.
        y: is filled with the outputs, ``[time, batch, units]``.
    """
    bias, decay, inhibition = layer.bias, layer.decay, layer.lateral_inhibition
    g, h = _codes(layer)
    for_blocks(
        drive.shape[1],
        drive.size,
        lambda first, past: _forward(
            drive, s0, y0, bias, decay, g, h, inhibition, s, y, first, past
        ),
    )


def backward(
    layer: Layer, s: Array, y: Array, s0: Array, y0: Array, dy: Array, errors: Errors, da: Array
) -> None:
    """Gradients through all time steps of what `forward` computed.

    Args:
        layer: the layer.
        s: states that `forward` filled in.
        y: outputs that `forward` filled in.
        s0: as for `forward`.
        y0: as for `forward`.
        dy: gradients of the outputs from outside, ``[time, batch, units]``.
        errors: gradients that come from behind the last step; overwritten with those that go on.
        da: is filled with the gradient of the drive, ``[time, batch, units]``.
    """
    bias, decay, inhibition = layer.bias, layer.decay, layer.lateral_inhibition
    g, h = _codes(layer)
    for_blocks(
        s.shape[1],
        s.size,
        lambda first, past: _backward(
            s, y, s0, y0, bias, decay, g, h, inhibition, dy, da, *errors, first, past
        ),
    )
