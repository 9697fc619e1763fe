"""Read of devices that drift since their last pulse, in float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.oracles.random_streams import bulk_normals

Floats = NDArray[np.float64]


def read_after_pulse(
    g: Floats,
    seconds: Floats,
    reference_s: float,
    nu: float,
    slope: float,
    offset_uS: float,
    g_max_uS: float,
    key: int,
) -> Floats:
    """As `kernels.pulse_read.read_after_pulse`."""
    z = bulk_normals(key, g.size)
    read = g * (seconds / reference_s) ** -nu + (slope * g + offset_uS) * z
    return np.clip(read, 0.0, g_max_uS)
