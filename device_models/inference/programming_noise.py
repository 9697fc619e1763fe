"""Programming noise: the error left by iterative programming, growing with the target.

    g_programmed ~ N(g_target, sigma),
    sigma = (c0 + c1 x + c2 x^2) g_max / 25 µS,  x = g_target / g_max

S. R. Nandakumar et al., ICECS 2019, and V. Joshi et al., Nat. Commun. 11, 2473 (2020), fitted on an
array of one million PCM devices; the scaling with g_max is aihwkit's (`PCMLikeNoiseModel`).
"""

from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from device_models.parameters import Parameters
from kernels.programming import program

Array = NDArray[np.float32]
_REFERENCE_G_MAX_US = 25.0


class ProgrammingNoise(Parameters):
    """A polynomial of the target."""

    source: ClassVar[str] = "Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11, 2473"

    kind: Literal["polynomial"] = "polynomial"
    """polynomial: the standard deviation of the programmed conductance is a polynomial of its target."""
    sigma_uS: tuple[float, float, float] = (0.26348, 1.9650, -1.1731)
    """Coefficients c0, c1, c2 of the standard deviation c0 + c1 x + c2 x^2 with x = g_target / g_max, µS at a g_max of
    25 µS; c0 is the standard deviation at RESET, so not negative."""
    scale: float = Field(default=1.0, ge=0.0)
    """Factor on the standard deviation; 0 switches the noise off."""

    @model_validator(mode="after")
    def _never_negative(self) -> Self:
        x = np.linspace(0.0, 1.0, 101)
        if np.polynomial.polynomial.polyval(x, self.sigma_uS).min() < 0.0:
            raise ValueError(
                "sigma_uS must give a standard deviation of at least 0 for all targets in "
                f"[0, g_max] (got coefficients {self.sigma_uS})"
            )
        return self

    def program(
        self,
        g_target: Array,
        g_max_factor: Array,
        g_max_uS: float,
        headroom: float,
        key: np.uint64,
    ) -> Array:
        """Programmed conductances, µS; arguments as `kernels.programming.program`."""
        unit = self.scale * g_max_uS / _REFERENCE_G_MAX_US
        c0, c1, c2 = self.sigma_uS
        return program(
            g_target, g_max_factor, g_max_uS, (c0 * unit, c1 * unit, c2 * unit), headroom, key
        )
