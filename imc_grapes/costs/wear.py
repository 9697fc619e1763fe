"""Pulses of every device of a model, and how long the devices last at the rate of a training."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import nn

from crossbar import PCMTile
from crossbar.costs import Interval, constant

Pulses = NDArray[np.uint32]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
LIFETIME_ASSUMPTION = (
    "every pulse, SET or RESET, wears a device as one write of its endurance does, and later updates send as many "
    "pulses to each device as those of this training did"
)


@dataclass(frozen=True)
class DevicePulses:
    """What each device has had, in one order of all devices of a model.

    Attributes:
        set_pulses: uint32 [devices].
        reset_pulses: uint32 [devices].
        updates: of the weights meanwhile.
    """

    set_pulses: Pulses
    reset_pulses: Pulses
    updates: int

    @property
    def set_per_update(self) -> float:
        """SET pulses of a device in an update, on average; 0 without updates."""
        return float(self.set_pulses.mean()) / max(1, self.updates)

    @property
    def reset_per_update(self) -> float:
        """RESET pulses of a device in an update, on average; 0 without updates."""
        return float(self.reset_pulses.mean()) / max(1, self.updates)

    @property
    def mean_per_update(self) -> float:
        """Both together."""
        return self.set_per_update + self.reset_per_update

    @property
    def most_per_update(self) -> float:
        """Both together, of the device that had most."""
        return float(self.pulses.max()) / max(1, self.updates)

    @property
    def pulses(self) -> Pulses:
        """SET and RESET together."""
        both: Pulses = self.set_pulses + self.reset_pulses
        return both

    def since(self, before: Self) -> "DevicePulses":
        """What came after `before`, of the same devices."""
        return DevicePulses(
            self.set_pulses - before.set_pulses,
            self.reset_pulses - before.reset_pulses,
            self.updates - before.updates,
        )


def device_pulses(model: nn.Module) -> DevicePulses | None:
    """What every device of `model` has had so far; None where no tile counts (`PCMConfig.wear`)."""
    tiles = [one for one in model.modules() if isinstance(one, PCMTile) and one.wear is not None]
    arrays = (one for tile in tiles for one in (tile.wear, tile.fast_wear))
    wear = [one for one in arrays if one is not None]
    if not wear:
        return None
    return DevicePulses(
        np.concatenate(
            [one.reshape(-1) for each in wear for one in (each.set_plus, each.set_minus)]
        ),
        np.concatenate(
            [one.reshape(-1) for each in wear for one in (each.reset_plus, each.reset_minus)]
        ),
        max(tile.counters["updates"] for tile in tiles),
    )


def count_wear(model: nn.Module) -> None:
    """Count the pulses of every device of `model` from here on, from 0."""
    for module in model.modules():
        if isinstance(module, PCMTile):
            module.tile.count_wear()


def lifetime_updates(pulses_per_update: float) -> Interval | None:
    """Updates until a device at that rate has had as many pulses as the endurance of the constants; None: for ever.

    Low at the lowest endurance; see `LIFETIME_ASSUMPTION`.
    """
    if pulses_per_update <= 0.0:
        return None
    endurance = constant("endurance_writes")
    # The constant's low end is that of the cost: the longest life.
    return Interval(endurance.high, endurance.typical, endurance.low) * (1.0 / pulses_per_update)
