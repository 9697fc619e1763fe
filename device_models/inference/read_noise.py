"""1/f read noise, integrated from the read pulse's length up to the time since programming.

    sigma_read = g_drifted Q sqrt(ln((t + t0 + t_r) / (2 t_r))),  Q = min(0.0088 / x^0.65, 0.2),
    x = g_programmed / g_max,  t_r = 250 ns

S. R. Nandakumar et al., ICECS 2019; V. Joshi et al., Nat. Commun. 11, 2473 (2020). As in aihwkit's
code, x is that of the programmed conductance and t is counted from programming plus t0.
"""

from math import log, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from device_models.parameters import Parameters
from kernels.relative_noise import relative_noise

Array = NDArray[np.float32]


class ReadNoise(Parameters):
    """Noise of one read."""

    source: ClassVar[str] = "Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11, 2473"

    q: float = Field(default=0.0088, ge=0.0)
    """Q at g_max: strength of the 1/f noise relative to the conductance, dimensionless."""
    q_exponent: float = Field(default=0.65, ge=0.0)
    """Exponent p of Q = min(q x^-p, q_max) with x = g / g_max: low conductances are relatively noisier."""
    q_max: float = Field(default=0.2, ge=0.0)
    """Largest Q, dimensionless."""
    t_read_s: float = Field(default=250e-9, gt=0.0)
    """Length of the read pulse, s."""
    scale: float = Field(default=1.0, ge=0.0)
    """Factor on the standard deviation; 0 switches the noise off."""

    def relative(self, g_programmed: Array, g_max_uS: Array) -> Array:
        """Q of every device.

        Args:
            g_programmed: float32 [n], µS.
            g_max_uS: float32 [n] or [1], largest target of each device, µS.

        Returns:
            float32 [n].
        """
        return relative_noise(g_programmed, g_max_uS, self.q, self.q_exponent, self.q_max)

    def growth(self, seconds: float) -> float:
        """`scale sqrt(ln((t + t_r) / (2 t_r)))` at t seconds, 0 below t = t_r."""
        return self.scale * sqrt(max(log((seconds + self.t_read_s) / (2.0 * self.t_read_s)), 0.0))
