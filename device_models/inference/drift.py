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

Array = NDArray[np.float32]


class ClippedLog(Parameters):
    """`clip(slope ln(g / g_max) + offset, low, high)`, a drift exponent or its spread.

    Attributes:
        slope: slope in ln(g / g_max).
        offset: value at g_max, before clipping.
        low: lower bound, in [0, 1].
        high: upper bound, in [low, 1].
    """

    slope: float
    offset: float
    low: float = Field(ge=0.0, le=1.0)
    high: float = Field(ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low must be at most high = {self.high} (got {self.low})")
        return self


class ConductanceDrift(Parameters):
    """Drift whose exponent falls with the conductance.

    Attributes:
        nu_mean: law of the mean exponent.
        nu_std: law of its spread.
        scale: factor on nu, in [0, 10]; 0 switches drift off.
        t0_s: time after programming at which the programmed conductance holds, s.
    """

    source: ClassVar[str] = "Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11, 2473"

    kind: Literal["conductance"] = "conductance"
    nu_mean: ClippedLog = ClippedLog(slope=-0.0155, offset=0.0244, low=0.049, high=0.1)
    nu_std: ClippedLog = ClippedLog(slope=-0.0125, offset=-0.0059, low=0.008, high=0.045)
    scale: float = Field(default=1.0, ge=0.0, le=10.0)
    t0_s: float = Field(default=20.0, gt=0.0)

    def exponents(
        self,
        g_target: Array,
        g_max_factor: Array,
        nu_factor: Array,
        g_max_uS: float,
        key: np.uint64,
    ) -> Array:
        """One nu per device; arguments as `kernels.drift_exponents.draw_drift_exponents`."""
        from kernels.drift_exponents import ClippedLogarithm, draw_drift_exponents

        mean, std = (
            ClippedLogarithm(law.slope, law.offset, law.low, law.high)
            for law in (self.nu_mean, self.nu_std)
        )
        return draw_drift_exponents(
            g_target, g_max_factor, nu_factor, g_max_uS, mean, std, self.scale, key
        )
