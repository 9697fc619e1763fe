"""Float64 reference of a crossbar with resistance in its wires: all nodes at once, by sparse LU.

The network of `crossbar.wires`, with Kirchhoff's current law written down at every node and nothing eliminated by hand.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]


def effective_conductances(g_uS: ArrayLike, row_ohm: float, column_ohm: float) -> Floats:
    """Currents into the sense amplifiers per volt at each driver, µS `[n_columns, n_in]`.

    Both resistances > 0.
    """
    g = np.asarray(g_uS, np.float64)
    n_columns, n_in = g.shape
    row_node = np.arange(n_in * n_columns).reshape(n_in, n_columns)
    column_node = row_node + row_node.size
    row_uS, column_uS = 1e6 / row_ohm, 1e6 / column_ohm

    joined = [(row_node, column_node, g.T)]
    joined += [(row_node[:, :-1], row_node[:, 1:], np.full((n_in, n_columns - 1), row_uS))]
    joined += [(column_node[:-1], column_node[1:], np.full((n_in - 1, n_columns), column_uS))]
    a, b, uS = (np.concatenate([np.ravel(part[i]) for part in joined]) for i in range(3))
    held = np.concatenate([row_node[:, 0], column_node[-1]])
    held_uS = np.repeat([row_uS, column_uS], [n_in, n_columns])

    matrix = coo_matrix(
        (
            np.concatenate([uS, uS, -uS, -uS, held_uS]),
            (np.concatenate([a, b, a, b, held]), np.concatenate([a, b, b, a, held])),
        )
    )
    driven = np.zeros((2 * row_node.size, n_in))
    driven[row_node[:, 0], np.arange(n_in)] = row_uS
    voltages = splu(matrix.tocsc()).solve(driven)
    currents: Floats = column_uS * voltages[column_node[-1]]
    return currents
