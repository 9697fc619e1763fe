"""Float64 reference of `kernels.pair_pulses` for pulses without noise, device by device."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def apply_pulses(
    step: Callable[[float], float],
    g_plus: ArrayLike,
    g_minus: ArrayLike,
    counts: ArrayLike,
    turn: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The conductances `[K, n]` after the pulses, where `step(g)` is the conductance after one pulse."""
    plus, minus = np.array(g_plus, np.float64), np.array(g_minus, np.float64)
    for e, count in enumerate(np.asarray(counts)):
        side = plus if count > 0 else minus
        for pulse in range(abs(int(count))):
            k = (turn + pulse) % len(plus)
            side[k, e] = step(side[k, e])
    return plus, minus
