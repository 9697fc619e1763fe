"""Float64 reference of `kernels.mvm_io`, without the noise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.mvm_io import Converters


def dac(
    x: ArrayLike, converters: Converters, reduction: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the rows carry, and the factor of each vector."""
    inputs = np.asarray(x, np.float64)
    largest = np.abs(inputs).max(axis=1) if converters.abs_max else np.ones(len(inputs))
    scale = 1.0 / np.where(largest > 0.0, largest, 1.0) / reduction
    return _quantise(inputs * scale[:, None], converters.inp_step, converters.inp_bound), scale


def adc(y: ArrayLike, scale: ArrayLike, converters: Converters) -> NDArray[np.float64]:
    """The outputs as the digital side sees them."""
    read = _quantise(np.asarray(y, np.float64), converters.out_step, converters.out_bound)
    return read / np.asarray(scale, np.float64)[:, None]


def _quantise(values: NDArray[np.float64], step: float, bound: float) -> NDArray[np.float64]:
    if step > 0.0:
        values = np.rint(values / step) * step
    return np.clip(values, -bound, bound) if bound > 0.0 else values
