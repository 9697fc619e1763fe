"""What the next SET pulse adds to a device in expectation, with the ends of its range taken into account."""

from collections.abc import Callable
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from kernels.jit_on_call import jit_on_call

_NODES = 16


def _normal_quantiles() -> Any:
    """Midpoints of equally likely parts of a standard normal, scaled to a variance of one."""
    inverse = NormalDist().inv_cdf
    z = np.array([inverse((node + 0.5) / _NODES) for node in range(_NODES)])
    return (z / z.std()).astype(np.float32)


@cache
def expected_step_function(set_pulse: Any) -> Callable[..., Any]:
    """The compiled mean of `set_pulse`: `expected_step(g, memory, constants)`, µS, for other kernels to call.

    A pulse that ends below the lowest or above the highest conductance is cut there, so the mean step is not
    that of a pulse without noise: under `nandakumar2018` the first one is 1.95 µS instead of 1.82.

    Args:
        set_pulse: a pulse of a model of `device_models.training`.

    Returns:
        A function of g in µS, `memory` float32 [rows, 1] (the state of the device, left as it is), and the
        constants of `set_pulse`.
    """
    nodes = _normal_quantiles()

    @jit_on_call("float32(float32, float32[:, ::1], float32[::1])", nogil=True)
    def expected_step(g, memory, constants):  # type: ignore[no-untyped-def]
        twin = np.empty(1, np.float32)
        state = np.empty((memory.shape[0], 1), np.float32)
        total = np.float32(0.0)
        for node in range(nodes.size):
            twin[0] = g
            for row in range(memory.shape[0]):  # a slice would take seconds to compile
                state[row, 0] = memory[row, 0]
            set_pulse(twin, state, 0, constants, nodes[node])
            total += twin[0] - g
        return total / np.float32(nodes.size)

    return expected_step  # type: ignore[no-any-return]
