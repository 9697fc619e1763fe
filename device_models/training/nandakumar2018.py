"""PCM under SET pulses as measured by Nandakumar et al., J. Appl. Phys. 124, 152135 (2018).

A per-device memory P starts at 1 after a RESET and fades with every SET pulse, so the first pulses
move the conductance most. In µS:

    P <- P exp(-1 / 2.6)
    dG ~ N(-0.084 G + 0.880 + 1.40 P, 0.091 G + 0.260 + 2.15 P),  G in [0.1, 12]
    read: G ((t - t_pulse) / 38.6 s)^-0.04 + N(0, 0.03 G + 0.13)
    RESET: G ~ N(0.1, 0.01), P = 1
"""

from math import exp
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from device_models.training.base import (
    Array,
    PulsedDevices,
    TrainingModel,
    mean_of_floored_normal,
)
from kernels.errors import InputError
from kernels.pulses import reset_pulse_nandakumar2018, set_pulse_nandakumar2018
from kernels.random_streams import stream_key

_MEASURED_G_MAX_US = 12.0
_G_MIN_US = 0.1
_PULSES_TO_FADE = 2.6
_MEAN_SLOPE, _MEAN_OFFSET_US, _MEAN_P_US = -0.084, 0.880, 1.40
_STD_SLOPE, _STD_OFFSET_US, _STD_P_US = 0.091, 0.260, 2.15
_RESET_MEAN_US, _RESET_STD_US = 0.1, 0.01
_DRIFT_REFERENCE_S, _DRIFT_NU = 38.6, 0.04
_READ_SLOPE, _READ_OFFSET_US = 0.03, 0.13


class Nandakumar2018(TrainingModel):
    """The published model; conductances scale with `g_max_uS`.

    The measured devices reach 12 µS. Another `g_max_uS` stands for the same device read as another
    conductance: every constant in µS is multiplied by `g_max_uS / 12` (assumption).
    """

    source: ClassVar[str] = "Nandakumar et al., J. Appl. Phys. 124, 152135 (2018)"
    state_rows: ClassVar[tuple[str, ...]] = ("P, memory of past pulses",)
    drifts: ClassVar[bool] = True
    set_pulse: ClassVar[Any] = set_pulse_nandakumar2018
    reset_pulse: ClassVar[Any] = reset_pulse_nandakumar2018

    model: Literal["nandakumar2018"] = "nandakumar2018"
    g_max_uS: float = Field(default=_MEASURED_G_MAX_US, gt=0.0)

    @property
    def _unit(self) -> float:
        return self.g_max_uS / _MEASURED_G_MAX_US

    @property
    def g_min_uS(self) -> float:
        """Lowest conductance after a SET pulse, µS."""
        return _G_MIN_US * self._unit

    @property
    def granularity_uS(self) -> float:
        """Mean step of the first SET pulse after a RESET, µS, with the floor at `g_min_uS`."""
        p = exp(-1.0 / _PULSES_TO_FADE)
        mean = _MEAN_SLOPE * _RESET_MEAN_US + _MEAN_OFFSET_US + _MEAN_P_US * p
        std = _STD_SLOPE * _RESET_MEAN_US + _STD_OFFSET_US + _STD_P_US * p
        return mean_of_floored_normal(mean, std, _G_MIN_US - _RESET_MEAN_US) * self._unit

    def constants(self) -> Array:
        """Constants of `set_pulse_nandakumar2018` and `reset_pulse_nandakumar2018`."""
        unit = self._unit
        return np.array(
            [
                exp(-1.0 / _PULSES_TO_FADE),
                _MEAN_SLOPE,
                _MEAN_OFFSET_US * unit,
                _MEAN_P_US * unit,
                _STD_SLOPE,
                _STD_OFFSET_US * unit,
                _STD_P_US * unit,
                self.g_min_uS,
                self.g_max_uS,
                _RESET_MEAN_US * unit,
                _RESET_STD_US * unit,
            ],
            np.float32,
        )

    def fresh_state(self, n_devices: int, seed: int) -> Array:
        """P = 1 for every device: float32 `[1, n_devices]`."""
        return np.ones((1, n_devices), np.float32)

    def read(
        self, devices: PulsedDevices, seed: int, seconds_since_pulse: ArrayLike | None = None
    ) -> Array:
        """The drifted conductance with read noise, kept within [0, g_max_uS].

        Args:
            devices: the devices.
            seed: fixes the read noise.
            seconds_since_pulse: time since the last pulse, s, above 0: one number, or an array of
                the devices' shape. 38.6 s is the time at which the model's G was measured.

        Returns:
            float32 of the devices' shape, µS.

        Raises:
            InputError: the time is missing, not above 0, or of another shape.
        """
        from kernels.pulse_read import read_after_pulse  # compiled on first use

        if seconds_since_pulse is None:
            raise InputError(
                "seconds_since_pulse: the model nandakumar2018 drifts, so a read needs the time "
                "since the last pulse, above 0 s"
            )
        seconds = np.asarray(seconds_since_pulse, np.float32)
        if not (np.isfinite(seconds).all() and (seconds > 0.0).all()):
            raise InputError(
                f"seconds_since_pulse: must be above 0 s and finite (got {seconds_since_pulse!r})"
            )
        if seconds.shape not in ((), devices.g_uS.shape):
            raise InputError(
                f"seconds_since_pulse: shape {seconds.shape} does not fit devices of shape "
                f"{devices.g_uS.shape}"
            )
        return read_after_pulse(
            devices.g_uS.reshape(-1),
            np.ascontiguousarray(seconds).reshape(-1),
            _DRIFT_REFERENCE_S,
            _DRIFT_NU,
            _READ_SLOPE,
            _READ_OFFSET_US * self._unit,
            self.g_max_uS,
            stream_key(seed, "read after pulse"),
        ).reshape(devices.g_uS.shape)
