"""The conductances that an array shows from outside when its wires have resistance (IR drop).

Input i drives row i from the end beside column 0; the sense amplifier of column j holds the end of that column beside
the last row at 0 V. Every wire has a resistance per segment: between two crosspoints, between a driver and the first
crosspoint of its row, and between the last crosspoint of a column and its amplifier; the other ends are open. A device
of conductance `g[j, i]` joins row i and column j. This network is linear, so its output currents are `T x` for inputs x
in volts, and T, which depends on the devices and wires alone, stands in for G in every product.

It is solved directly, column by column. Seen from the rows, the columns from j on are an admittance matrix Y_j; a
column alone has the matrix K_j (`kernels.wire_ladders`), and a segment of all rows lies in front of what follows it. In
units of a segment's conductance,

    y_j = k_j + 1 - h_{j+1},    h_j = (1 + y_j)^-1,    h_{n_columns} = 1,

and h_j takes the rows' voltages at column j-1 to those at column j. So with q_j the currents into amplifier j per volt
at the rows at column j, `T_j = q_j h_j h_{j-1} ... h_0`. All matrices are symmetric and positive definite, so the work
is a Cholesky factorisation, an inverse and a product per column, and does not depend on the resistances. This is block
elimination of the network's nodes; no iteration, no tolerance.
"""

import math

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from crossbar.single_thread import one_thread
from kernels.errors import InputError
from kernels.wire_ladders import add_admittance, terminal_currents

Floats = NDArray[np.float64]

_PER_uS = 1e-6
"""Ohms to the reciprocal of µS."""


def effective_conductances(g_uS: ArrayLike, row_ohm: float, column_ohm: float) -> Floats:
    """What the drivers and sense amplifiers of an array see of its devices.

    The result has the same bits for any number of threads. Its rounding errors are of the order of 1e-13 of the largest
    conductance.

    Args:
        g_uS: `[n_columns, n_in]`, µS: the devices. Rows are driven from the end beside column 0, and columns sensed at
            the end beside the last row, input n_in - 1. The two devices of a pair are two columns.
        row_ohm: resistance of one segment of a row, ohm; 0 for none.
        column_ohm: the same of a column.

    Returns:
        float64 `[n_columns, n_in]`, µS: current into each sense amplifier per volt at each driver. Not 0 where
        `g_uS` is: current finds ways around.

    Raises:
        InputError: `g_uS` is not a matrix of finite non-negative numbers, or a resistance not one such number.

    Example:
        >>> import numpy as np
        >>> from crossbar.wires import effective_conductances
        >>> print(effective_conductances([[10.0, 20.0]], row_ohm=0.0, column_ohm=0.0))
        [[10. 20.]]
        >>> one = effective_conductances([[25.0]], row_ohm=10_000.0, column_ohm=30_000.0)
        >>> print(one.round(6))  # three resistors in series: 10, 40 and 30 kilo-ohm
        [[12.5]]
    """
    g = _devices(g_uS)
    row, column = (
        _PER_uS * _resistance(key, value)
        for key, value in (("row_ohm", row_ohm), ("column_ohm", column_ohm))
    )
    if column == 0.0 and row == 0.0:
        return g
    if row == 0.0:
        return terminal_currents(g, column)
    if column == 0.0:
        # The rows are ladders between their drivers and grounded columns; what a volt at the driver sends into a
        # column, a volt at the column would send into the driver.
        return terminal_currents(np.ascontiguousarray(g.T[:, ::-1]), row)[:, ::-1].T.copy()
    n_columns, n_in = g.shape
    if n_in > n_columns:
        # The matrices have the size of a column. Drivers and amplifiers may change places: reciprocity.
        turned = np.ascontiguousarray(g.T[::-1, ::-1])
        return _eliminate(turned, column, row)[::-1, ::-1].T.copy()
    return _eliminate(g, row, column)


@torch.no_grad()
def _eliminate(g: Floats, row: float, column: float) -> Floats:
    n_columns, n = g.shape
    currents = torch.from_numpy(terminal_currents(g, column))
    matrix = torch.empty(n, n, dtype=torch.float64, device="cpu")
    onwards = torch.eye(n, dtype=torch.float64, device="cpu")
    with one_thread():
        for j in range(n_columns - 1, -1, -1):
            torch.neg(onwards, out=matrix)
            matrix.diagonal().add_(2.0)
            add_admittance(g[j], column, row, matrix.numpy())
            torch.cholesky_inverse(torch.linalg.cholesky(matrix), out=onwards)
            currents[j:] = currents[j:] @ onwards
    solved: Floats = currents.numpy()
    return solved


def _devices(g_uS: ArrayLike) -> Floats:
    try:
        g = np.array(g_uS, np.float64, order="C")
    except (TypeError, ValueError):
        raise InputError("g_uS: must be a matrix of numbers [n_columns, n_in]") from None
    if g.ndim != 2 or g.size == 0:
        raise InputError(
            f"g_uS: must be a matrix [n_columns, n_in] (got the shape {list(g.shape)})"
        )
    unusable = ~(np.isfinite(g) & (g >= 0.0))
    if unusable.any():
        column, row = np.argwhere(unusable)[0]
        raise InputError(
            f"g_uS: conductances must be finite and not negative (got {g[column, row]} at column {column}, input {row})"
        )
    return g


def _resistance(key: str, ohm: object) -> float:
    number = isinstance(ohm, int | float | np.integer | np.floating) and not isinstance(ohm, bool)
    if not number or not 0.0 <= float(ohm) < math.inf:  # type: ignore[arg-type]
        raise InputError(
            f"{key}: must be a finite number of at least 0 ohm per segment (got {ohm!r})"
        )
    return float(ohm)  # type: ignore[arg-type]
