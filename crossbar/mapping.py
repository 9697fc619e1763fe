"""Weights to differential pairs of conductances and back.

A weight is the difference of two conductances; the one that it does not need stays at RESET (0 µS).
The largest magnitude of the array is mapped to g_max (V. Joshi et al., Nat. Commun. 11, 2473
(2020)).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.errors import InputError

Array = NDArray[np.float32]


class ConductancePairs(NamedTuple):
    """Target conductances of an array.

    Attributes:
        g_plus: float32, shape of the weights, µS.
        g_minus: float32, same shape, µS; one of the two is 0.
        scale: weight that 1 µS of difference stands for.
    """

    g_plus: Array
    g_minus: Array
    scale: float


def map_weights_to_pairs(weights: ArrayLike, g_max_uS: float) -> ConductancePairs:
    """Conductances whose difference is proportional to the weights.

    Args:
        weights: any shape, finite; an array on its own, since it gets its own scale.
        g_max_uS: conductance of the largest magnitude, µS, above 0.

    Returns:
        The targets, and the scale that turns their difference back into weights.

    Raises:
        InputError: a weight is not finite, there is none, or g_max_uS is not above 0.
    """
    w = np.asarray(weights, np.float32)
    if not g_max_uS > 0.0:
        raise InputError(f"g_max_uS: must be above 0 µS (got {g_max_uS})")
    if not w.size or not np.isfinite(w).all():
        raise InputError("weights: must be finite, and at least one")
    largest = float(np.abs(w).max())
    # An array of zeros has no scale of its own; any does.
    scale = largest / g_max_uS if largest > 0.0 else 1.0 / g_max_uS
    g = w / np.float32(scale)
    limit = np.float32(g_max_uS)
    return ConductancePairs(np.clip(g, 0.0, limit), np.clip(-g, 0.0, limit), scale)


def pairs_to_weights(g_plus: Array, g_minus: Array, scale: float) -> Array:
    """`scale (g_plus - g_minus)`, float32 of their shape.

    Args:
        g_plus: float32, µS.
        g_minus: float32, same shape, µS.
        scale: weight that 1 µS of difference stands for.
    """
    weights: Array = (g_plus - g_minus) * np.float32(scale)
    return weights
