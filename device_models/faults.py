"""Devices that no longer switch: stuck at RESET or stuck at SET.

A device of a chip is faulty or not for good, so the faults are drawn once per device from the
seed. A stuck device keeps one conductance: it ignores programming, pulses and drift, and still
shows read noise.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from device_models.parameters import Parameters
from kernels.bulk_random import uniforms
from kernels.random_streams import stream_key


@dataclass(frozen=True)
class FaultMap:
    """Which devices of an array are stuck, by their index in the flattened array.

    Attributes:
        reset_index: int64, devices stuck at RESET.
        set_index: int64, devices stuck at SET.
    """

    reset_index: NDArray[np.int64]
    set_index: NDArray[np.int64]

    def hold(
        self,
        values: NDArray[np.float32],
        at_reset: float | NDArray[np.float32],
        at_set: float | NDArray[np.float32],
    ) -> None:
        """Put the stuck devices back to their own values, in place.

        Args:
            values: float32, one per device, C-contiguous and of any shape.
            at_reset: value of the devices stuck at RESET: one, or an array shaped as `values`.
            at_set: value of the devices stuck at SET, likewise.
        """
        flat = values.reshape(-1)
        flat[self.reset_index] = _pick(at_reset, self.reset_index)
        flat[self.set_index] = _pick(at_set, self.set_index)


def _pick(
    level: float | NDArray[np.float32], index: NDArray[np.int64]
) -> float | NDArray[np.float32]:
    return level.reshape(-1)[index] if isinstance(level, np.ndarray) else level


class Faults(Parameters):
    """Fractions of stuck devices."""

    stuck_reset: float = Field(default=0.0, ge=0.0, le=1.0)
    """Fraction of the devices that are stuck at RESET, in [0, 1]."""
    stuck_set: float = Field(default=0.0, ge=0.0, le=1.0)
    """Fraction of the devices that are stuck at SET, their largest conductance, in [0, 1]; the two together at most
    1."""

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if self.stuck_reset + self.stuck_set > 1.0:
            raise ValueError("stuck_reset and stuck_set together must be at most 1")
        return self

    def draw(self, n_devices: int, seed: int) -> FaultMap:
        """The faults of the n devices of one array.

        Args:
            n_devices: number of devices.
            seed: fixes which devices are stuck. With the same seed, a larger fraction adds
                faults and removes none.

        Returns:
            The indices of the stuck devices.
        """
        if self.stuck_reset == 0.0 and self.stuck_set == 0.0:
            none_stuck = np.empty(0, np.int64)
            return FaultMap(none_stuck, none_stuck)
        u = uniforms(stream_key(seed, "stuck devices"), n_devices)
        # In float64: a fraction of 1 rounded to float32 must still catch every device.
        return FaultMap(
            np.flatnonzero(u < self.stuck_reset), np.flatnonzero(u >= 1.0 - self.stuck_set)
        )
