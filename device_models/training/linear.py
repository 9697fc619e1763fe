"""The ideal device: every SET pulse adds the same mean step, until `g_max_uS`.

    G <- clip(G + granularity (1 + noise N(0, 1)), 0, g_max)        RESET: G = 0

A reference without saturation curve, memory, drift or read noise. No device behaves like this.

State rows: none. Constants: 0 step in µS, 1 relative std of a step, 2 g_min, 3 g_max in µS.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field, model_validator

from device_models.parameters import LARGEST_G_MAX_US
from device_models.training.base import DEVICES, Array, TrainingModel

_ONE = np.float32(1.0)


@njit(forceinline=True, fastmath={"contract"})
def set_pulse_linear(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """One SET pulse: the mean step, the same at every conductance, with relative noise."""
    g[i] = min(max(g[i] + constants[0] * (_ONE + constants[1] * z), constants[2]), constants[3])


@njit(forceinline=True, fastmath={"contract"})
def reset_pulse_linear(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """RESET: exactly the lowest conductance."""
    g[i] = constants[2]


@DEVICES.register("linear", description="Ideal device with equal steps")
class Linear(TrainingModel):
    """Granularity and noise are the parameters."""

    source: ClassVar[str] = "ideal device, for reference"
    set_pulse: ClassVar[Any] = staticmethod(set_pulse_linear)
    reset_pulse: ClassVar[Any] = staticmethod(reset_pulse_linear)

    g_max_uS: float = Field(default=25.0, gt=0.0, le=LARGEST_G_MAX_US)
    step_uS: float = Field(default=0.5, gt=0.0)
    """Mean step of a SET pulse, µS, in (0, g_max_uS]."""
    step_noise: float = Field(default=0.0, ge=0.0)
    """Standard deviation of a step from pulse to pulse, relative to step_uS."""

    @model_validator(mode="after")
    def _step_fits(self) -> Self:
        if self.step_uS > self.g_max_uS:
            raise ValueError(
                f"step_uS must be at most g_max_uS = {self.g_max_uS} (got {self.step_uS})"
            )
        return self

    @property
    def granularity_uS(self) -> float:
        """Mean step of a SET pulse far from both ends, µS."""
        return self.step_uS

    def constants(self) -> Array:
        """Constants of `set_pulse_linear` and `reset_pulse_linear`."""
        return np.array([self.step_uS, self.step_noise, 0.0, self.g_max_uS], np.float32)
