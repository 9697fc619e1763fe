"""Float64 reference of a whole layer of spiking neural units, its weights included.

Written from the equations of Woźniak et al., Nat. Mach. Intell. 2, 325 (2020), step by step; see `kernels.snu`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
OutputName = Literal["sigmoid", "tanh", "triangle", "fast_sigmoid", "arctan"]


@dataclass(frozen=True)
class Unit:
    """A layer: weights ``[units, inputs]`` and ``[units, units]`` or None, bias and decay ``[units]``."""

    weights: Array
    recurrent: Array | None
    bias: Array
    decay: Array
    input_activation: Literal["identity", "leaky_relu", "relu"] = "identity"
    output: OutputName = "tanh"
    """sigmoid, or the pseudo-derivative of the step function."""
    lateral_inhibition: bool = False


@dataclass(frozen=True)
class Gradients:
    """Gradients of a loss, each of the shape of what it belongs to."""

    x: Array
    s0: Array
    y0: Array
    weights: Array
    recurrent: Array | None
    bias: Array
    decay: Array


def forward(unit: Unit, x: Array, s0: Array, y0: Array) -> tuple[Array, Array]:
    """States and outputs ``[time, batch, units]`` for x ``[time, batch, inputs]``."""
    states, outputs = [], []
    s, y = s0, y0
    for x_t in x:
        s = _g(unit, _potential(unit, x_t, s, y))
        y = _h(unit, s + unit.bias)
        states.append(s)
        outputs.append(y)
    return np.array(states), np.array(outputs)


def backward(unit: Unit, x: Array, s0: Array, y0: Array, dy: Array, ds_last: Array) -> Gradients:
    """Gradients, given those of the outputs ``[time, batch, units]`` and of the last state."""
    s, y = forward(unit, x, s0, y0)
    dx = np.zeros_like(x)
    d_weights, d_bias, d_decay = (np.zeros_like(v) for v in (unit.weights, unit.bias, unit.decay))
    d_recurrent = None if unit.recurrent is None else np.zeros_like(unit.recurrent)
    to_s, to_y = ds_last.copy(), np.zeros_like(s0)
    for t in reversed(range(len(x))):
        s_before, y_before = (s[t - 1], y[t - 1]) if t else (s0, y0)
        d_z = (dy[t] + to_y) * _h_slope(unit, s[t] + unit.bias)
        potential = _potential(unit, x[t], s_before, y_before)
        d_potential = (to_s + d_z) * _g_slope(unit, potential)
        d_bias += d_z.sum(0)
        d_weights += d_potential.T @ x[t]
        dx[t] = d_potential @ unit.weights
        kept = 1.0 - _reset(unit, y_before)
        d_decay += (d_potential * s_before * kept).sum(0)
        to_s = d_potential * unit.decay * kept
        to_y = _through_reset(unit, y_before, -d_potential * unit.decay * s_before)
        if unit.recurrent is not None and d_recurrent is not None:
            d_recurrent += d_potential.T @ y_before
            to_y = to_y + d_potential @ unit.recurrent
    return Gradients(dx, to_s, to_y, d_weights, d_recurrent, d_bias, d_decay)


def _potential(unit: Unit, x_t: Array, s: Array, y: Array) -> Array:
    drive = x_t @ unit.weights.T
    if unit.recurrent is not None:
        drive = drive + y @ unit.recurrent.T
    return np.asarray(drive + unit.decay * s * (1.0 - _reset(unit, y)))


def _reset(unit: Unit, y: Array) -> Array:
    return np.max(y, axis=1, keepdims=True) if unit.lateral_inhibition else y


def _through_reset(unit: Unit, y: Array, d_reset: Array) -> Array:
    if not unit.lateral_inhibition:
        return d_reset
    winners = y == y.max(axis=1, keepdims=True)
    return np.asarray(winners * d_reset.sum(1, keepdims=True) / winners.sum(1, keepdims=True))


def _g(unit: Unit, v: Array) -> Array:
    below = {"identity": 1.0, "leaky_relu": 0.1, "relu": 0.0}[unit.input_activation]
    return np.where(v < 0, below * v, v)


def _g_slope(unit: Unit, v: Array) -> Array:
    below = {"identity": 1.0, "leaky_relu": 0.1, "relu": 0.0}[unit.input_activation]
    return np.where(v < 0, below, 1.0)


def _h(unit: Unit, z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-z)) if unit.output == "sigmoid" else (z > 0).astype(np.float64)


def _h_slope(unit: Unit, z: Array) -> Array:
    if unit.output == "sigmoid":
        y = _h(unit, z)
        return y * (1.0 - y)
    if unit.output == "tanh":
        return np.asarray(1.0 - np.tanh(z) ** 2)
    if unit.output == "triangle":
        return np.maximum(0.0, 1.0 - np.abs(z))
    if unit.output == "fast_sigmoid":
        return np.asarray(1.0 / (1.0 + np.abs(z)) ** 2)
    return np.asarray(1.0 / (1.0 + (np.pi * z) ** 2))
