"""Drift compensation: digital factors make up for the mean decay of what an array, or each of its columns, shows.

The array is read right after programming or training and again when it is used; the outputs are multiplied by the
ratio of the two. Global compensation has one factor per array (V. Joshi et al., Nat. Commun. 11, 2473 (2020)), that of
columns one per column, where every column has its own digital scale. Either restores a mean; the spread of the drift
exponents stays. What is summed up in such a read is a choice:

- "weights", the default everywhere: the magnitudes of all weights, `sum |G+ - G-|`. Every row is driven alone, so it
  takes n_in reads, and the magnitudes of the outputs are summed digitally. aihwkit's `GlobalDriftCompensation` does so.
- "conductances": the currents of all devices, `sum (G+ + G-)`. All rows are driven at once and the columns of both
  polarities are added: two reads.

The two differ where drift depends on the conductance. Under the statistics of Nandakumar et al. (2019) low
conductances drift faster, and devices at RESET carry current but no weight; after a year the factors of an array of
programmed normal weights are 2 % apart.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.errors import InputError

Compensation = Literal["none", "global", "column"]
"""Outputs as they come, multiplied by one factor per array, or by one per column."""
CompensationRead = Literal["weights", "conductances"]
"""What a compensating read sums up."""


def drift_compensation_factor(reference: ArrayLike, now: ArrayLike) -> float:
    """The factor that brings a sum back to its reference.

    Args:
        reference: non-negative values read right after programming, any shape; see `compensation_read`.
        now: those of the same devices now, same shape.

    Returns:
        `sum(reference) / sum(now)`.

    Raises:
        InputError: the shapes differ, or nothing conducts now.
    """
    before, after = np.asarray(reference), np.asarray(now)
    if before.shape != after.shape:
        raise InputError(f"now: shape {after.shape} is not that of the reference {before.shape}")
    total = float(after.sum(dtype=np.float64))
    if not total > 0.0:
        raise InputError("now: no device conducts, so drift cannot be compensated")
    return float(before.sum(dtype=np.float64)) / total


def column_compensation_factors(reference: ArrayLike, now: ArrayLike) -> NDArray[np.float64]:
    """The factors that bring the sum of every column back to its reference.

    Args:
        reference: non-negative values read right after programming, [n_out, ...]; see `compensation_read`.
        now: those of the same devices now, same shape.

    Returns:
        float64 [n_out]: `sum(reference) / sum(now)` over all axes but the first; 1 for a column that shows nothing now.

    Raises:
        InputError: the shapes differ.
    """
    before, after = np.asarray(reference), np.asarray(now)
    if before.shape != after.shape:
        raise InputError(f"now: shape {after.shape} is not that of the reference {before.shape}")
    sums, sums_now = (
        values.reshape(len(values), -1).sum(1, dtype=np.float64) for values in (before, after)
    )
    factors: NDArray[np.float64] = np.ones_like(sums)
    np.divide(sums, sums_now, out=factors, where=sums_now > 0.0)
    return factors


def compensation_read(
    g_plus: NDArray[np.float32], g_minus: NDArray[np.float32], what: CompensationRead
) -> NDArray[np.float32]:
    """What a compensating read sums up, before the sum.

    Args:
        g_plus: float32, any shape: a read of the positive devices of each weight, µS.
        g_minus: float32, the same shape: of the negative ones, µS.
        what: "weights" or "conductances".

    Returns:
        float32 of their shape, µS.

    Raises:
        InputError: `what` is something else.
    """
    if what == "weights":
        difference: NDArray[np.float32] = np.abs(g_plus - g_minus)
        return difference
    if what == "conductances":
        return g_plus + g_minus
    raise InputError(
        f"compensation_read: must be one of {', '.join(get_args(CompensationRead))} (got {what!r})"
    )
