"""Float64 reference of `kernels.wire_ladders`: Kirchhoff's current law at every node, solved as one dense system."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def terminal_currents(g: ArrayLike, segment: float) -> Floats:
    """The current into the terminal per volt at each source of one ladder `[n]`."""
    currents: Floats = _voltages(np.asarray(g, np.float64), segment)[-1] / segment
    return currents


def admittance(g: ArrayLike, segment: float) -> Floats:
    """Admittance matrix `[n, n]` of one ladder: the current that source k delivers per volt at source i."""
    devices = np.asarray(g, np.float64)
    matrix: Floats = np.diag(devices) - devices[:, None] * _voltages(devices, segment)
    return matrix


def _voltages(g: Floats, segment: float) -> Floats:
    """Voltage of node k per volt at source i, `[n, n]`."""
    n = len(g)
    wire = 1.0 / segment
    laplacian: Floats = np.diag(g).copy()
    for i in range(n - 1):
        laplacian[i : i + 2, i : i + 2] += wire * np.array([[1.0, -1.0], [-1.0, 1.0]])
    laplacian[-1, -1] += wire
    return np.asarray(np.linalg.solve(laplacian, np.diag(g)), np.float64)
