"""Drift of PCM: `g(t) = g_programmed ((t + t0) / t0)^-nu`, nu depending on the conductance.

    nu = |N(mu, sigma)|,  mu = clip(-0.0155 ln x + 0.0244, 0.049, 0.1),
                          sigma = clip(-0.0125 ln x - 0.0059, 0.008, 0.045),  x = g_target / g_max

t is counted from the end of programming, and t0 = 20 s, at which the programmed conductance was
measured, is added to it, as aihwkit's `PCMLikeNoiseModel` does. Sources: S. R. Nandakumar et al.,
ICECS 2019; V. Joshi et al., Nat. Commun. 11, 2473 (2020).
"""

from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from device_models.parameters import Parameters
from kernels.drift_exponents import ClippedLogarithm, draw_drift_exponents

Array = NDArray[np.float32]


class ClippedLog(Parameters):
    """`clip(slope ln(g / g_max) + offset, low, high)`, a drift exponent or its spread."""

    slope: float
    """Slope in ln(g / g_max), dimensionless."""
    offset: float
    """Value at g_max before clipping, dimensionless."""
    low: float = Field(ge=0.0, le=1.0)
    """Lower bound of the value, in [0, 1]."""
    high: float = Field(ge=0.0, le=1.0)
    """Upper bound of the value, in [low, 1]."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low must be at most high = {self.high} (got {self.low})")
        return self


class ConductanceDrift(Parameters):
    """Drift whose exponent falls with the conductance."""

    source: ClassVar[str] = "Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11, 2473"

    kind: Literal["conductance"] = "conductance"
    """conductance: the drift exponent depends on the programmed conductance."""
    nu_mean: ClippedLog = ClippedLog(slope=-0.0155, offset=0.0244, low=0.049, high=0.1)
    """Law of the mean drift exponent."""
    nu_std: ClippedLog = ClippedLog(slope=-0.0125, offset=-0.0059, low=0.008, high=0.045)
    """Law of the standard deviation of the drift exponent among devices of one conductance."""
    scale: float = Field(default=1.0, ge=0.0, le=10.0)
    """Factor on the drift exponents, in [0, 10]; 0 switches drift off."""
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
        mean, std = (
            ClippedLogarithm(law.slope, law.offset, law.low, law.high)
            for law in (self.nu_mean, self.nu_std)
        )
        return draw_drift_exponents(
            g_target, g_max_factor, nu_factor, g_max_uS, mean, std, self.scale, key
        )
