"""How many pulses each device has had: counters that the kernels which send pulses add to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.uint32]


class Wear(NamedTuple):
    """Pulses sent to each device, whether or not it answers them: a stuck device counts too.

    Attributes:
        set_plus: SET pulses of the positive devices, uint32; flat [K n] for the kernels, size 0: nobody counts.
        set_minus: of the negative ones.
        reset_plus: RESET pulses of the positive devices.
        reset_minus: of the negative ones.
    """

    set_plus: Counts
    set_minus: Counts
    reset_plus: Counts
    reset_minus: Counts


WEAR = "uint32[::1], uint32[::1], uint32[::1], uint32[::1]"
"""Numba signature of the fields of `Wear`."""

UNCOUNTED = Wear(*(np.empty(0, np.uint32) for _ in Wear._fields))
"""Nobody asks."""
