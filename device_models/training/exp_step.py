"""SET pulses with exponentially shrinking steps: the statistics of aihwkit's `PCMPresetDevice`.

aihwkit's device lives on weights w in [0, w_max]; here w_max is `g_max_uS`, so one unit of w is
`g_max_uS / w_max` µS. Per pulse, as in aihwkit's ExpStepDevice with complex cycle-to-cycle noise
(rpu_expstep_device.cpp):

    z = 2 a w / w_max_device + b
    dw = dw_min_device max(1 - A_up exp(gamma_up z), 0)
    w <- clip(w + dw + dw_min_std (|dw| + dw_min_std_add + dw_min_std_slope w) N(0, 1),
              0, w_max_device)

Every device has its own dw_min, w_max and RESET level (rpu_pulsed_device.cpp, `populate`). The
constants are aihwkit's fit to Nandakumar et al., Front. Neurosci. 14, 406 (2020).

State rows: 0 step scale, 1 g_max, 2 RESET level, all in µS and fixed per device. Constants: 0 A_up, 1 2 a gamma_up,
2 b gamma_up; noise: 3 std, 4 additive part in µS, 5 slope; 6 RESET std in µS.
"""

from math import exp
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from device_models.parameters import LARGEST_G_MAX_US
from device_models.training.base import (
    DEVICES,
    Array,
    PulsedDevices,
    TrainingModel,
    mean_of_floored_normal,
)
from kernels.bulk_random import normals
from kernels.fast_math import exp as fast_exp
from kernels.random_streams import stream_key

_STEP_ROW, _G_MAX_ROW, _RESET_ROW = 0, 1, 2

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@njit(forceinline=True, fastmath={"contract"})
def set_pulse_exp_step(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """One SET pulse: an exponentially shrinking step; noise grows with the step and with g."""
    g_max = state[1, i]
    if g_max > _ZERO:
        shape = max(
            _ONE - constants[0] * fast_exp(constants[1] * (g[i] / g_max) + constants[2]), _ZERO
        )
        step = shape * state[0, i]
        std = constants[3] * (abs(step) + constants[4] + constants[5] * g[i])
        g[i] = max(min(g[i] + step + std * z, g_max), _ZERO)


@njit(forceinline=True, fastmath={"contract"})
def reset_pulse_exp_step(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """RESET: the device's own low level plus cycle-to-cycle noise."""
    g[i] = max(min(state[2, i] + constants[6] * z, state[1, i]), _ZERO)


@DEVICES.register(
    "exp_step", description="SET pulses with exponentially shrinking steps, every device different"
)
class ExpStep(TrainingModel):
    """The parameters have aihwkit's names, values and dimensionless units, but for `g_max_uS`."""

    source: ClassVar[str] = (
        "aihwkit PCMPresetDevice, fitted to Nandakumar et al., Front. Neurosci. 14, 406 (2020)"
    )
    state_rows: ClassVar[tuple[str, ...]] = (
        "step scale in µS",
        "largest conductance in µS",
        "RESET level in µS",
    )
    set_pulse: ClassVar[Any] = staticmethod(set_pulse_exp_step)
    reset_pulse: ClassVar[Any] = staticmethod(reset_pulse_exp_step)

    g_max_uS: float = Field(default=25.0, gt=0.0, le=LARGEST_G_MAX_US)
    dw_min: float = Field(default=0.01, gt=0.0)
    """Scale of the step of a SET pulse, in units of weight."""
    dw_min_dtod: float = Field(default=0.2, ge=0.0)
    """Standard deviation of dw_min from device to device, relative to dw_min."""
    up_down_dtod: float = Field(default=0.05, ge=0.0)
    """Standard deviation of the upward step from device to device, relative to dw_min."""
    w_max: float = Field(default=2.0, gt=0.0)
    """Weight that g_max_uS stands for, the unit of every other parameter in units of weight."""
    w_max_dtod: float = Field(default=0.1, ge=0.0)
    """Standard deviation of the largest conductance from device to device, relative to its mean."""
    a_up: float = Field(default=-27.235, lt=1.0)
    """A_up, which sets the ratio of the first step to the last, dimensionless."""
    gamma_up: float = 2.5
    """Rate at which the step changes with z, dimensionless."""
    a: float = -1.0
    """Slope of z = 2 a w / w_max + b, dimensionless."""
    b: float = 0.0
    """Offset of z = 2 a w / w_max + b, dimensionless."""
    dw_min_std: float = Field(default=0.6, ge=0.0)
    """Standard deviation of a step from pulse to pulse, relative to the step and the two parts below."""
    dw_min_std_add: float = Field(default=0.042, ge=0.0)
    """Constant part of what dw_min_std multiplies, in units of weight."""
    dw_min_std_slope: float = Field(default=0.108, ge=0.0)
    """Part of what dw_min_std multiplies that grows with the weight, per unit of weight."""
    reset_level: float = Field(default=0.01, ge=0.0)
    """Mean weight after RESET, in units of weight; aihwkit's `reset`."""
    reset_dtod: float = Field(default=0.02, ge=0.0)
    """Standard deviation of the RESET level from device to device, in units of weight."""
    reset_std: float = Field(default=0.01, ge=0.0)
    """Standard deviation of the weight after RESET from pulse to pulse, in units of weight."""

    @property
    def _unit(self) -> float:
        return self.g_max_uS / self.w_max

    @property
    def granularity_uS(self) -> float:
        """Mean step of the first SET pulse after a RESET, µS, with the floor at 0 µS."""
        w = self.reset_level
        z = 2.0 * self.a * w / self.w_max + self.b
        step = self.dw_min * max(1.0 - self.a_up * exp(self.gamma_up * z), 0.0)
        std = self.dw_min_std * (step + self.dw_min_std_add + self.dw_min_std_slope * w)
        return mean_of_floored_normal(step, std, -w) * self._unit

    def constants(self) -> Array:
        """Constants of `set_pulse_exp_step` and `reset_pulse_exp_step`."""
        return np.array(
            [
                self.a_up,
                2.0 * self.a * self.gamma_up,
                self.b * self.gamma_up,
                self.dw_min_std,
                self.dw_min_std_add * self._unit,
                self.dw_min_std_slope,
                self.reset_std * self._unit,
            ],
            np.float32,
        )

    def fresh_state(self, n_devices: int, seed: int) -> Array:
        """Step scale, largest conductance and RESET level: float32 `[3, n_devices]`, µS."""
        key = stream_key(seed, "exp_step device-to-device")
        step_noise, up_noise, max_noise, reset_noise = (
            normals(key, n_devices, draw) for draw in range(4)
        )
        state = np.empty((3, n_devices), np.float32)
        gain = 1.0 + self.dw_min_dtod * step_noise + self.up_down_dtod * up_noise
        state[_STEP_ROW] = np.abs(gain) * self.dw_min * self._unit
        state[_G_MAX_ROW] = np.abs(1.0 + self.w_max_dtod * max_noise) * self.g_max_uS
        state[_RESET_ROW] = (self.reset_level + self.reset_dtod * reset_noise) * self._unit
        return state

    def device_g_max_uS(self, devices: PulsedDevices) -> Array:
        """The largest conductance of each device, µS, in the devices' shape."""
        g_max: Array = devices.state[_G_MAX_ROW]
        return g_max
