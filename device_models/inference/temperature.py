"""Faster drift when it is warm: time runs at an Arrhenius rate.

Drift is structural relaxation of the amorphous phase, a thermally activated process (D. Ielmini et
al., Appl. Phys. Lett. 92, 193511 (2008), who find Arrhenius kinetics). One effective activation
energy stands for their distribution of energies, so a second at temperature T counts as

    exp(E_a / k (1 / T_ref - 1 / T))

seconds at T_ref, the temperature of the drift model. The default of 0.9 eV is an assumption: the
barrier kT ln(t / tau) that is crossed at 25 °C is 0.77 eV after a second and 1.2 eV after a year,
for an attempt time tau of 0.1 ps. The conductance's own dependence on temperature is not modelled.
"""

from itertools import pairwise
from math import exp
from typing import Self

from pydantic import Field, model_validator

from device_models.parameters import Parameters

_BOLTZMANN_EV_PER_K = 8.617333262e-5
_ZERO_CELSIUS_K = 273.15


class TemperatureStep(Parameters):
    """A temperature that holds from a time on."""

    from_s: float = Field(ge=0.0)
    """Start of the step, s since programming."""
    celsius: float = Field(gt=-_ZERO_CELSIUS_K, le=200.0)
    """Temperature from then on, °C."""


class Temperature(Parameters):
    """Constant, or a profile of steps."""

    celsius: float | None = Field(default=None, gt=-_ZERO_CELSIUS_K, le=200.0)
    """Constant temperature since programming, °C; null: profile gives it."""
    profile: tuple[TemperatureStep, ...] = ()
    """Steps of temperature in place of a constant one: the first from 0 s on, the last for ever."""
    activation_energy_eV: float = Field(default=0.9, ge=0.0, le=5.0)
    """Effective activation energy of drift, eV (assumption)."""
    reference_celsius: float = Field(default=25.0, gt=-_ZERO_CELSIUS_K, le=200.0)
    """Temperature at which the drift model holds, °C."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.celsius is None) == (not self.profile):
            raise ValueError("temperature needs either celsius or a profile")
        starts = [step.from_s for step in self.profile]
        if starts and starts[0] != 0.0:
            raise ValueError(f"profile must start from_s 0 (got {starts[0]})")
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError(f"profile must have increasing from_s (got {starts})")
        return self

    def acceleration(self, celsius: float) -> float:
        """Seconds at the reference temperature that one second at `celsius` counts for."""
        inverse_reference = 1.0 / (self.reference_celsius + _ZERO_CELSIUS_K)
        inverse = 1.0 / (celsius + _ZERO_CELSIUS_K)
        return exp(self.activation_energy_eV / _BOLTZMANN_EV_PER_K * (inverse_reference - inverse))

    def effective_seconds(self, time_s: float) -> float:
        """The time since programming, in seconds at the reference temperature.

        Args:
            time_s: s since programming, 0 or more.

        Returns:
            s; at most `time_s` times the largest acceleration.
        """
        if self.celsius is not None:
            return time_s * self.acceleration(self.celsius)
        ends = [step.from_s for step in self.profile[1:]] + [float("inf")]
        return sum(
            (min(time_s, end) - step.from_s) * self.acceleration(step.celsius)
            for step, end in zip(self.profile, ends, strict=True)
            if time_s > step.from_s
        )
