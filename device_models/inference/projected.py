"""Drift of projected PCM: the exponent is small and does not depend on the conductance.

In a projected cell the read current bypasses the amorphous phase through a stable layer, so that
drift hardly shows (W. W. Koelmans et al., Nat. Commun. 6, 8181 (2015)). `nu = |N(nu, nu_std)|`; the
default values are an assumption, an order of magnitude below the drift of plain PCM.
"""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from device_models.parameters import Parameters
from kernels.drift_exponents import ClippedLogarithm, draw_drift_exponents

Array = NDArray[np.float32]


class ProjectedDrift(Parameters):
    """A state-independent exponent."""

    source: ClassVar[str] = "form: Koelmans et al., Nat. Commun. 6, 8181 (2015); values: assumption"

    kind: Literal["projected"] = "projected"
    """projected: the drift exponent does not depend on the conductance, as in projected cells."""
    nu: float = Field(default=0.005, ge=0.0, le=1.0)
    """Mean drift exponent, in [0, 1]."""
    nu_std: float = Field(default=0.001, ge=0.0, le=1.0)
    """Standard deviation of the drift exponent from device to device, in [0, 1]."""
    t0_s: float = Field(default=20.0, gt=0.0)
    """Time after programming at which the programmed conductance was measured, s."""

    def exponents(
        self,
        g_target: Array,
        g_max_factor: Array,
        nu_factor: Array,
        g_max_uS: float,
        key: np.uint64,
    ) -> Array:
        """One nu per device; arguments as `kernels.drift_exponents.draw_drift_exponents`."""
        mean, std = (ClippedLogarithm(0.0, value, value, value) for value in (self.nu, self.nu_std))
        return draw_drift_exponents(
            g_target, g_max_factor, nu_factor, g_max_uS, mean, std, 1.0, key
        )
