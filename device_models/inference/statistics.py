"""Inference statistics as a whole: programming noise, drift, read noise, and our additions."""

from collections.abc import Sequence
from math import log
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from device_models.faults import Faults
from device_models.inference.drift import ConductanceDrift
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.projected import ProjectedDrift
from device_models.inference.read_noise import ReadNoise
from device_models.inference.spread import Spread
from device_models.inference.state import ProgrammedState
from device_models.inference.table import TableDrift, TableProgramming
from device_models.inference.temperature import Temperature
from device_models.parameters import LARGEST_G_MAX_US, Parameters
from kernels.drifted_read import drifted_moments, drifted_read
from kernels.errors import InputError
from kernels.random_streams import stream_key

Array = NDArray[np.float32]
Programming = Annotated[ProgrammingNoise | TableProgramming, Field(discriminator="kind")]
Drift = Annotated[ConductanceDrift | ProjectedDrift | TableDrift, Field(discriminator="kind")]

_ROUNDING = 1.0 + 1e-6


class InferenceStatistics(Parameters):
    """What devices hold that were programmed once and are read later."""

    g_max_uS: float = Field(default=25.0, gt=0.0, le=LARGEST_G_MAX_US)
    """Largest target conductance, µS."""
    programming: Programming = ProgrammingNoise()
    """Error of programming."""
    drift: Drift = ConductanceDrift()
    """Law of the drift exponent."""
    read_noise: ReadNoise = ReadNoise()
    """Noise of a read."""
    faults: Faults = Faults()
    """Fractions of stuck devices."""
    spread: Spread = Spread()
    """Differences from device to device."""
    temperature: Temperature | None = None
    """Temperature since programming; null: that of the drift model."""
    headroom: float = Field(default=1.25, ge=1.0)
    """Largest conductance of a device relative to its largest target, which is the bound on programming noise and read
    noise (assumption)."""
    g_reset_uS: float = Field(default=0.1, ge=0.0)
    """Conductance of a device that is stuck at RESET, µS (assumption)."""

    def program(
        self, g_target_uS: ArrayLike, seed: int, device_seed: int | None = None
    ) -> ProgrammedState:
        """Program devices to a target, at time 0.

        Args:
            g_target_uS: targets in [0, g_max_uS], any shape, µS; read as float32.
            seed: fixes the programming noise and the drift exponents. Arrays that must differ, such
                as the two of a differential pair, need two seeds or one call for both.
            device_seed: fixes what belongs to the devices themselves, their faults and spread;
                `seed` by default. With the same one, other seeds reprogram the same devices.

        Returns:
            The devices, to be passed to `read`.

        Raises:
            InputError: a target is negative, above g_max_uS, not finite, or outside a table.
        """
        # The kernels' signatures are for writable arrays.
        target = np.require(g_target_uS, np.float32, ["C", "W"])
        self._check_targets(target)
        flat = target.reshape(-1)
        n = flat.size
        devices = seed if device_seed is None else device_seed
        g_factor, nu_factor = self.spread.draw(n, devices)
        g = self.programming.program(
            flat, g_factor, self.g_max_uS, self.headroom, stream_key(seed, "programming noise")
        )
        nu = self.drift.exponents(
            flat, g_factor, nu_factor, self.g_max_uS, stream_key(seed, "drift exponents")
        )
        g_max = g_factor * np.float32(self.g_max_uS)
        stuck = self.faults.draw(n, devices)
        at_set = g_max if g_max.size == n else float(g_max[0])
        stuck.hold(g, min(self.g_reset_uS, self.g_max_uS), at_set)
        stuck.hold(nu, 0.0, 0.0)
        limit = g_max * np.float32(self.headroom)
        return ProgrammedState(
            g_programmed_uS=g.reshape(target.shape),
            nu=nu.reshape(target.shape),
            relative_noise=self.read_noise.relative(g, g_max).reshape(target.shape),
            g_limit_uS=limit.reshape(target.shape if limit.size == n else ()),
            stuck=stuck,
            stream=int(stream_key(seed, "programmed devices", n, devices)),
        )

    def read(self, state: ProgrammedState, time_s: float, seed: int) -> Array:
        """Read all devices once.

        Args:
            state: from `program`; its clock moves on to `time_s`.
            time_s: s since programming; not earlier than the latest read of these devices.
            seed: fixes the read noise. Another time or another programming gives other noise, so
                one seed serves a whole experiment.

        Returns:
            Conductances in µS, float32 of the targets' shape.

        Raises:
            InputError: the time is negative, not finite, or earlier than the latest read.
        """
        read: Array = self.read_series(state, [time_s], seed)[0]
        return read

    def read_series(self, state: ProgrammedState, times_s: Sequence[float], seed: int) -> Array:
        """Read all devices at several times.

        Args:
            state: from `program`; its clock moves on to the last time.
            times_s: s since programming, in order.
            seed: fixes the read noise.

        Returns:
            float32 `[len(times_s), *shape]`, µS: bit for bit what as many calls of `read` give.

        Raises:
            InputError: as for `read`.
        """
        reads = np.empty((len(times_s), *state.g_programmed_uS.shape), np.float32)
        for time_s, out in zip(map(float, times_s), reads.reshape(len(times_s), -1), strict=True):
            key = stream_key(seed, "read noise", state.stream, time_s)
            drifted_read(*self._law_at(state, time_s), key, out)
        return reads

    def read_moments(self, state: ProgrammedState, time_s: float) -> tuple[Array, Array]:
        """Mean and variance of many reads at one time, over the read noise alone.

        They are those of what `read` returns: of a normal around the drifted conductance with its tails put onto the
        bounds 0 and the device's largest conductance. Low conductances are so noisy after a year that the bound at 0
        raises their mean.

        Args:
            state: from `program`; its clock moves on to `time_s`.
            time_s: s since programming; not earlier than the latest read of these devices.

        Returns:
            Two float32 of the targets' shape, µS and µS squared.

        Raises:
            InputError: as for `read`.
        """
        mean, variance = drifted_moments(*self._law_at(state, float(time_s)))
        shape = state.g_programmed_uS.shape
        return mean.reshape(shape), variance.reshape(shape)

    def _law_at(
        self, state: ProgrammedState, time_s: float
    ) -> tuple[Array, Array, Array, Array, float, float]:
        """The first arguments of `drifted_read`; the clock moves on."""
        state.clock.advance(time_s)
        t0_s = self.drift.t0_s
        return (
            state.g_programmed_uS.reshape(-1),
            state.nu.reshape(-1),
            state.relative_noise.reshape(-1),
            state.g_limit_uS.reshape(-1),
            log((self._drift_seconds(time_s) + t0_s) / t0_s),
            self.read_noise.growth(time_s + t0_s),
        )

    def _drift_seconds(self, time_s: float) -> float:
        return time_s if self.temperature is None else self.temperature.effective_seconds(time_s)

    def _check_targets(self, target: Array) -> None:
        if not target.size:
            raise InputError("g_target_uS: holds no device")
        low, high = float(target.min()), float(target.max())
        if not (low >= 0.0 and high <= self.g_max_uS * _ROUNDING):
            raise InputError(
                f"g_target_uS: targets must be finite and within [0, g_max_uS = {self.g_max_uS}] "
                f"µS (got {low} to {high})"
            )
