"""One wire of a crossbar with resistance in it: a ladder of resistors with a device at every rung.

A ladder has nodes 0 to n-1, one segment of wire between neighbours and one more from node n-1 to a terminal at 0 V;
the wire ends at node 0. A device of conductance g_i ties node i to a source i. Two things follow: the current that a
volt at each source sends into the terminal, and the ladder's admittance matrix, the currents that all sources deliver.

Both are written with what is seen along the wire from a node: an admittance towards the open end, a resistance towards
the terminal. Then nothing but non-negative numbers is added, multiplied and divided, so that no digit is lost however
small the resistance of a segment is beside those of the devices.

Units: any for the conductances, the reciprocal one for the resistance of a segment.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.jit_on_call import jit_on_call

Floats = NDArray[np.float64]

_MATRIX = "float64[:, ::1]"
_VECTOR = "float64[::1]"


@njit(error_model="numpy")
def _solve(g, segment, at_node, pass_on):  # type: ignore[no-untyped-def]
    """Overwrite two vectors [n].

    `at_node`: voltage of node i per volt at source i, all other sources at 0 V. `pass_on`: voltage of node i over that
    of node i-1, with all sources from i on at 0 V.
    """
    n = g.size
    to_terminal = segment
    for i in range(n - 1, -1, -1):
        loaded = 1.0 + g[i] * to_terminal
        at_node[i] = to_terminal
        pass_on[i] = to_terminal / (to_terminal + segment * loaded)
        to_terminal = segment + to_terminal / loaded
    to_open_end = 0.0
    for i in range(n):
        at_node[i] *= g[i] / (1.0 + (g[i] + to_open_end) * at_node[i])
        behind = g[i] + to_open_end
        to_open_end = behind / (1.0 + segment * behind)


@jit_on_call(
    f"void({_MATRIX}, float64, {_MATRIX})",
    nogil=True,
    error_model="numpy",
)
def _terminal_currents(g, segment, currents):  # type: ignore[no-untyped-def]
    n = g.shape[1]
    pass_on = np.empty(n)
    for ladder in range(g.shape[0]):
        _solve(g[ladder], segment, currents[ladder], pass_on)
        share = 1.0 / segment
        for i in range(n - 1, -1, -1):
            currents[ladder, i] *= share
            share *= pass_on[i]


@jit_on_call(
    f"void({_VECTOR}, float64, float64, {_MATRIX})",
    nogil=True,
    error_model="numpy",
)
def _add_admittance(g, segment, unit, matrix):  # type: ignore[no-untyped-def]
    n = g.size
    voltage, pass_on = np.empty(n), np.empty(n)
    _solve(g, segment, voltage, pass_on)
    for k in range(n):
        drawn = -unit * g[k]
        for i in range(k):
            # Node k per volt at source i.
            voltage[i] *= pass_on[k]
            matrix[k, i] += drawn * voltage[i]
        matrix[k, k] += unit * g[k] * (1.0 - voltage[k])


def terminal_currents(g: Floats, segment: float) -> Floats:
    """The current into the terminal per volt at each source, for many ladders.

    Args:
        g: float64 `[n_ladders, n]`, C-contiguous, >= 0: the devices, from the open end to the terminal.
        segment: resistance of a segment, > 0.

    Returns:
        float64 `[n_ladders, n]`, in the unit of `g`; at most `g`.
    """
    currents = np.empty_like(g)
    _terminal_currents(g, segment, currents)
    return currents


def add_admittance(g: Floats, segment: float, unit: float, matrix: Floats) -> None:
    """Add `unit` times the admittance matrix of one ladder to the lower triangle of `matrix`.

    Args:
        g: float64 `[n]`, >= 0: the devices, from the open end to the terminal.
        segment: resistance of a segment, > 0.
        unit: factor.
        matrix: float64 `[n, n]`, C-contiguous; the upper triangle stays as it is.
    """
    _add_admittance(g, segment, unit, matrix)
