"""PCM under SET pulses as measured by Nandakumar et al., J. Appl. Phys. 124, 152135 (2018).

A per-device memory P starts at 1 after a RESET and fades with every SET pulse, so the first pulses
move the conductance most. In µS:

    P <- P exp(-1 / 2.6)
    dG ~ N(-0.084 G + 0.880 + 1.40 P, 0.091 G + 0.260 + 2.15 P),  G in [0.1, 12]
    RESET: G ~ N(0.1, 0.01), P = 1
    read: G_t + N(0, 0.03 G_t + 0.13),  G_t = G ((t - t_pulse) / 38.6 s)^-nu,  cut to [0, 12]

`kernels.read_law` says how a read is bounded in time. The paper gives one exponent, nu = 0.04. With one for all devices
drift would scale every weight alike, which a digital factor undoes; devices differ, so each has an exponent of its own,
`max(N(0.04, drift_nu_std), 0)`, for good (see `drift_nu_std`).

State rows: 0 P, the memory of past pulses: 1 after RESET; 1 drift exponent, which no pulse changes. Constants: 0 decay
of P per pulse; mean of dG: 1 slope in G, 2 offset in µS, 3 slope in P in µS; std of dG: 4 slope in G, 5 offset in µS,
6 slope in P in µS; 7 g_min, 8 g_max in µS; RESET: 9 mean, 10 std in µS.
"""

from math import exp
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
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
from kernels.errors import InputError
from kernels.pulse_read import read_after_pulse
from kernels.random_streams import stream_key
from kernels.read_law import ReadLaw

_MEASURED_G_MAX_US = 12.0
_NU_ROW = 1

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@njit(forceinline=True, fastmath={"contract"})
def set_pulse_nandakumar2018(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """One SET pulse: P decays, then G takes a normal step, its mean and std linear in G and P."""
    p = state[0, i] * constants[0]
    state[0, i] = p
    mean = constants[1] * g[i] + constants[2] + constants[3] * p
    std = constants[4] * g[i] + constants[5] + constants[6] * p
    g[i] = min(max(g[i] + mean + std * z, constants[7]), constants[8])


@njit(forceinline=True, fastmath={"contract"})
def reset_pulse_nandakumar2018(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """RESET: a normal low conductance, and P back at 1."""
    state[0, i] = _ONE
    g[i] = min(max(constants[9] + constants[10] * z, _ZERO), constants[8])


@DEVICES.register(
    "nandakumar2018",
    description="SET pulses with a fading memory of earlier pulses, drift and read noise",
)
class Nandakumar2018(TrainingModel):
    """The published model; conductances scale with `g_max_uS`.

    The measured devices reach 12 µS, and the other parameters are theirs. Another `g_max_uS` stands
    for the same device at another scale of conductance: every parameter in µS is multiplied by
    `g_max_uS / 12` (assumption).
    """

    source: ClassVar[str] = "Nandakumar et al., J. Appl. Phys. 124, 152135 (2018)"
    sources: ClassVar[dict[str, str]] = {
        "drift_nu_std": "inferred: spread above g_max / 3 in Nandakumar et al., ICECS 2019"
    }
    state_rows: ClassVar[tuple[str, ...]] = ("P, memory of past pulses", "drift exponent")
    drifts: ClassVar[bool] = True
    set_pulse: ClassVar[Any] = staticmethod(set_pulse_nandakumar2018)
    reset_pulse: ClassVar[Any] = staticmethod(reset_pulse_nandakumar2018)

    g_max_uS: float = Field(default=_MEASURED_G_MAX_US, gt=0.0, le=LARGEST_G_MAX_US)
    pulses_to_fade: float = Field(default=2.6, gt=0.0)
    """Number of SET pulses over which the memory P of earlier pulses falls by a factor of e."""
    step_slope: float = -0.084
    """Slope of the mean step in the conductance, µS per µS."""
    step_offset_uS: float = 0.880
    """Constant part of the mean step, µS."""
    step_memory_uS: float = 1.40
    """Part of the mean step that is proportional to the memory P, µS."""
    noise_slope: float = Field(default=0.091, ge=0.0)
    """Slope of the step's standard deviation in the conductance, µS per µS."""
    noise_offset_uS: float = Field(default=0.260, ge=0.0)
    """Constant part of the step's standard deviation, µS."""
    noise_memory_uS: float = Field(default=2.15, ge=0.0)
    """Part of the step's standard deviation that is proportional to the memory P, µS."""
    lowest_uS: float = Field(default=0.1, ge=0.0)
    """Lowest conductance after a SET pulse, µS."""
    reset_mean_uS: float = Field(default=0.1, ge=0.0)
    """Mean conductance after RESET, µS."""
    reset_std_uS: float = Field(default=0.01, ge=0.0)
    """Standard deviation of the conductance after RESET, µS."""
    drift_nu: float = Field(default=0.04, ge=0.0, le=1.0)
    """Mean drift exponent, in [0, 1]."""
    drift_nu_std: float = Field(default=0.008, ge=0.0, le=1.0)
    """Standard deviation of the drift exponent from device to device, in [0, 1]; 0: the published law, in which all
    devices drift alike. A negative draw counts as 0. Inferred: 0.008 is the spread among a million devices of the same
    technology at conductances above a third of g_max (S. R. Nandakumar et al., ICECS 2019; the lower bound of
    `ConductanceDrift.nu_std`), which carry nearly all of the current. Devices close to RESET spread more there, up to
    0.045; that, and that a device may drift otherwise after another pulse, is left out."""
    drift_reference_s: float = Field(default=38.6, gt=0.0)
    """Time after the last pulse at which the conductance of the model holds, s."""
    read_slope: float = Field(default=0.03, ge=0.0)
    """Slope of the read noise's standard deviation in the conductance, µS per µS."""
    read_offset_uS: float = Field(default=0.13, ge=0.0)
    """Constant part of the read noise's standard deviation, µS."""

    @property
    def _unit(self) -> float:
        return self.g_max_uS / _MEASURED_G_MAX_US

    @property
    def g_min_uS(self) -> float:
        """Lowest conductance after a SET pulse, µS."""
        return self.lowest_uS * self._unit

    @property
    def granularity_uS(self) -> float:
        """Mean step of the first SET pulse after a RESET, µS, with the floor at `g_min_uS`."""
        p = exp(-1.0 / self.pulses_to_fade)
        mean = self.step_slope * self.reset_mean_uS + self.step_offset_uS + self.step_memory_uS * p
        std = (
            self.noise_slope * self.reset_mean_uS + self.noise_offset_uS + self.noise_memory_uS * p
        )
        return mean_of_floored_normal(mean, std, self.lowest_uS - self.reset_mean_uS) * self._unit

    @property
    def read_law(self) -> ReadLaw:
        """Drift since the last pulse, and read noise."""
        return ReadLaw(
            _NU_ROW,
            self.drift_reference_s,
            self.read_slope,
            self.read_offset_uS * self._unit,
            self.g_max_uS,
        )

    def constants(self) -> Array:
        """Constants of `set_pulse_nandakumar2018` and `reset_pulse_nandakumar2018`."""
        unit = self._unit
        return np.array(
            [
                exp(-1.0 / self.pulses_to_fade),
                self.step_slope,
                self.step_offset_uS * unit,
                self.step_memory_uS * unit,
                self.noise_slope,
                self.noise_offset_uS * unit,
                self.noise_memory_uS * unit,
                self.g_min_uS,
                self.g_max_uS,
                self.reset_mean_uS * unit,
                self.reset_std_uS * unit,
            ],
            np.float32,
        )

    def fresh_state(self, n_devices: int, seed: int) -> Array:
        """P = 1 and the drift exponent of every device: float32 `[2, n_devices]`."""
        state = np.ones((2, n_devices), np.float32)
        state[_NU_ROW] = self.drift_nu
        if self.drift_nu_std > 0.0:
            z = normals(stream_key(seed, "drift exponents"), n_devices)
            state[_NU_ROW] = np.maximum(self.drift_nu + self.drift_nu_std * z, 0.0)
        return state

    def read(
        self, devices: PulsedDevices, seed: int, seconds_since_pulse: ArrayLike | None = None
    ) -> Array:
        """The drifted conductance with read noise, kept within [0, g_max_uS].

        Args:
            devices: the devices.
            seed: fixes the read noise.
            seconds_since_pulse: time since the last pulse, s, 0 or more: one number, or an array of
                the devices' shape. Before 38.6 s, when the model's G was measured, a device shows G.

        Returns:
            float32 of the devices' shape, µS.

        Raises:
            InputError: the time is missing, negative, not finite, or of another shape.
        """
        if seconds_since_pulse is None:
            raise InputError(
                "seconds_since_pulse: the model nandakumar2018 drifts, so a read needs the time "
                "since the last pulse, 0 s or more"
            )
        seconds = np.asarray(seconds_since_pulse, np.float32)
        if not (np.isfinite(seconds).all() and (seconds >= 0.0).all()):
            raise InputError(
                f"seconds_since_pulse: must be 0 s or more and finite (got {seconds_since_pulse!r})"
            )
        if seconds.shape not in ((), devices.g_uS.shape):
            raise InputError(
                f"seconds_since_pulse: shape {seconds.shape} does not fit devices of shape "
                f"{devices.g_uS.shape}"
            )
        return read_after_pulse(
            devices.g_uS.reshape(-1),
            devices.state.reshape(len(self.state_rows), -1),
            np.ascontiguousarray(seconds).reshape(-1),
            self.read_law,
            stream_key(seed, "read after pulse"),
        ).reshape(devices.g_uS.shape)
