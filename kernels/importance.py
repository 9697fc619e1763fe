"""GRAPES node importance and modulation factors, from the conductances of a crossbar's columns.

A column holds the incoming weights of one node, so the importance ``I_j = sum_i |w_ji|`` is one sum along contiguous
memory. Equations: Dellaferrera et al., Nat. Commun. 13, 1885 (2022) and the authors' code; patent US 12,020,162 B2,
claims 1 and 3.
"""

import numba
import numpy as np
import numpy.typing as npt

from kernels.column_blocks import for_blocks
from kernels.jit_on_call import jit_on_call

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]

# Sums may be reassociated into vector lanes; NaN and infinity keep their meaning, since callers look for them.
_SUM_FLAGS = {"reassoc", "nsz", "contract"}
_PAIR = numba.void(
    numba.types.Array(numba.float32, 2, "C", readonly=True),
    numba.types.Array(numba.float32, 2, "C", readonly=True),
    numba.float32[::1],
    numba.int64,
    numba.int64,
)
_SINGLE = numba.void(
    numba.types.Array(numba.float32, 2, "C", readonly=True),
    numba.float32[::1],
    numba.int64,
    numba.int64,
)


@jit_on_call(_PAIR, nogil=True, fastmath=_SUM_FLAGS)
def _per_device(g_plus, g_minus, importance, first, past_last):  # type: ignore[no-untyped-def]
    for j in range(first, past_last):
        total = np.float32(0.0)
        for i in range(g_plus.shape[1]):
            total += abs(g_plus[j, i] - g_minus[j, i])
        importance[j] = total


@jit_on_call(_PAIR, nogil=True, fastmath=_SUM_FLAGS)
def _column_current(g_plus, g_minus, importance, first, past_last):  # type: ignore[no-untyped-def]
    for j in range(first, past_last):
        total = np.float32(0.0)
        for i in range(g_plus.shape[1]):
            total += g_plus[j, i] + g_minus[j, i]
        importance[j] = total


@jit_on_call(_SINGLE, nogil=True, fastmath=_SUM_FLAGS)
def _per_weight(weights, importance, first, past_last):  # type: ignore[no-untyped-def]
    for j in range(first, past_last):
        total = np.float32(0.0)
        for i in range(weights.shape[1]):
            total += abs(weights[j, i])
        importance[j] = total


@jit_on_call(
    numba.void(
        numba.types.Array(numba.float32, 1, "C", readonly=True),
        numba.float32,
        numba.float32,
        numba.float32[::1],
    )
)
def _modulation_factors(importance, low, high, factors):  # type: ignore[no-untyped-def]
    largest = np.float32(0.0)
    for value in importance:
        largest = max(largest, value)
    for j in range(importance.size):
        if largest == 0.0:
            factors[j] = 1.0
        else:
            factors[j] = min(max(high * (importance[j] / largest), low), high)


def per_device(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> Vector:
    """Exact importance of each node, ``sum_i |G+_ji - G-_ji|``.

    Args:
        g_plus: conductances of the positive devices, µS, ``[n_out, n_in]``.
        g_minus: conductances of the negative devices, µS, ``[n_out, n_in]``.

    Returns:
        ``[n_out]`` float32, µS.

    Raises:
        ValueError: the arrays are not two matrices of one shape.
    """
    plus, minus = _pair(g_plus, g_minus)
    importance = np.empty(plus.shape[0], np.float32)
    for_blocks(
        plus.shape[0],
        plus.size,
        lambda first, past: _per_device(plus, minus, importance, first, past),
    )
    return importance


def column_current(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> Vector:
    """Importance as the summed currents of both columns show it, ``sum_i (G+_ji + G-_ji)``.

    Equal to `per_device` while one device of each pair conducts nothing. Arguments, result and errors as there.
    """
    plus, minus = _pair(g_plus, g_minus)
    importance = np.empty(plus.shape[0], np.float32)
    for_blocks(
        plus.shape[0],
        plus.size,
        lambda first, past: _column_current(plus, minus, importance, first, past),
    )
    return importance


def per_weight(weights: npt.ArrayLike) -> Vector:
    """Importance of each node from signed weights, ``sum_i |w_ji|``.

    Args:
        weights: ``[n_out, n_in]``, any unit.

    Returns:
        ``[n_out]`` float32, in the unit of the weights.

    Raises:
        ValueError: `weights` is not a matrix.
    """
    matrix = _matrix(weights, "weights")
    importance = np.empty(matrix.shape[0], np.float32)
    for_blocks(
        matrix.shape[0],
        matrix.size,
        lambda first, past: _per_weight(matrix, importance, first, past),
    )
    return importance


def modulation_factors(importance: npt.ArrayLike, low: float = 1.0, high: float = 2.0) -> Vector:
    """GRAPES factors ``M_j = clip(high * I_j / max_k I_k, low, high)``.

    A layer without any importance (all zeros) is left alone: its factors are 1.

    Args:
        importance: importance of each node of one layer, ``[n_out]``, not negative; any unit.
        low: smallest factor; 0 for no clipping from below, as under feedback alignment.
        high: factor of the most important node.

    Returns:
        ``[n_out]`` float32.

    Raises:
        ValueError: an importance is negative, NaN or infinite, there is none, or not
            ``0 <= low <= high`` with `high` finite and above 0.
    """
    vector = np.ascontiguousarray(importance, dtype=np.float32)
    if vector.ndim != 1 or vector.size == 0:
        raise ValueError(f"importance must be a vector [n_out], not of shape {vector.shape}")
    if not (np.isfinite(vector).all() and vector.min() >= 0.0):
        raise ValueError("importance must be finite and not negative")
    if not 0.0 <= low <= high < np.inf or high == 0.0:
        raise ValueError(
            f"must be 0 <= low <= high, with high finite and above 0 (got low={low}, high={high})"
        )
    factors = np.empty_like(vector)
    _modulation_factors(vector, low, high, factors)
    return factors


def _matrix(values: npt.ArrayLike, name: str) -> Matrix:
    matrix = np.ascontiguousarray(values, dtype=np.float32)
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be a matrix [n_out, n_in], not of shape {matrix.shape}")
    return matrix


def _pair(g_plus: npt.ArrayLike, g_minus: npt.ArrayLike) -> tuple[Matrix, Matrix]:
    plus, minus = _matrix(g_plus, "g_plus"), _matrix(g_minus, "g_minus")
    if plus.shape != minus.shape:
        raise ValueError(
            f"g_plus and g_minus must have one shape (got {plus.shape} and {minus.shape})"
        )
    return plus, minus
