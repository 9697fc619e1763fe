"""Device-to-device spread of the largest conductance and of the drift exponent.

Both are properties of a device, not of one programming event, so they are drawn from the seed of
the devices: `g_max_i = g_max N(1, spread_g)`, `nu_i = nu |N(1, spread_nu)|`. A device with a small
g_max is relatively more crystalline at the same target, with the noise and the drift that belong
to it, and cannot be programmed beyond its own limit.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from device_models.parameters import Parameters
from kernels.bulk_random import normals
from kernels.random_streams import stream_key

Array = NDArray[np.float32]
SMALLEST_G_MAX_FACTOR = 0.05
_EVERY_DEVICE_ALIKE = 1


class Spread(Parameters):
    """Relative standard deviations from device to device."""

    g_max: float = Field(default=0.0, ge=0.0, le=0.5)
    """Standard deviation of the largest conductance from device to device, relative to its mean, in [0, 0.5]."""
    nu: float = Field(default=0.0, ge=0.0, le=1.0)
    """Standard deviation of the drift exponent from device to device, relative to its mean, in [0, 1]."""

    def draw(self, n_devices: int, seed: int) -> tuple[Array, Array]:
        """Factors on g_max (at least 0.05) and on nu (at least 0) of every device.

        Args:
            n_devices: number of devices.
            seed: seed of the devices.

        Returns:
            Two float32 arrays, each of shape [n_devices], or [1] where all devices are alike.
        """
        g_max = _factors(self.g_max, n_devices, stream_key(seed, "spread of g_max"))
        nu = _factors(self.nu, n_devices, stream_key(seed, "spread of nu"))
        return np.maximum(g_max, np.float32(SMALLEST_G_MAX_FACTOR)), np.abs(nu)


def _factors(spread: float, n_devices: int, key: np.uint64) -> Array:
    if spread == 0.0:
        return np.ones(_EVERY_DEVICE_ALIKE, np.float32)
    return np.float32(1.0) + np.float32(spread) * normals(key, n_devices)
