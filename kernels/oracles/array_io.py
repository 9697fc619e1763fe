"""Float64 reference of `kernels.array_io`, without the noise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def drive(x: ArrayLike, factor: float, step: float, bound: float) -> Array:
    """What the rows carry."""
    inputs = np.asarray(x, np.float64)
    undriven = ~np.isfinite(inputs)
    carried = _quantise(
        np.where(undriven, 0.0, inputs) * factor, np.asarray(step), np.asarray(bound)
    )
    return np.where(undriven, np.nan, carried)


def sense(
    y: ArrayLike, step: ArrayLike, bound: ArrayLike, scale: ArrayLike
) -> tuple[Array, NDArray[np.bool_]]:
    """The outputs as the digital side sees them, `[batch, n_out, ...]`, and which columns were clipped, `[n_out]`."""
    outputs = np.asarray(y, np.float64)
    steps, bounds, scales = (
        np.asarray(values, np.float64).reshape(1, -1, *(1,) * (outputs.ndim - 2))
        for values in (step, bound, scale)
    )
    quantised = _quantise(outputs, steps, np.full_like(bounds, np.inf))
    others = tuple(axis for axis in range(outputs.ndim) if axis != 1)
    beyond = np.abs(quantised) > bounds
    return np.clip(quantised, -bounds, bounds) * scales, np.asarray(beyond.any(axis=others))


def _quantise(values: Array, step: Array, bound: Array) -> Array:
    steps = np.where(step > 0.0, step, 1.0)
    return np.clip(np.where(step > 0.0, np.rint(values / steps) * steps, values), -bound, bound)
