"""Read of devices that drift since their last pulse, in float64."""

import numpy as np
from numpy.typing import NDArray

from kernels.oracles.random_streams import bulk_normals
from kernels.oracles.read_law import drifted, noisy_read
from kernels.read_law import ReadLaw

Floats = NDArray[np.float64]


def read_after_pulse(g: Floats, state: Floats, seconds: Floats, law: ReadLaw, key: int) -> Floats:
    """As `kernels.pulse_read.read_after_pulse`."""
    return noisy_read(drifted(g, state[law.nu_row], seconds, law), law, bulk_normals(key, g.size))
