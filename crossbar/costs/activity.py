"""How much happens to the devices in one update: from the counters of real tiles, or carried over from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """What one update does, per weight: to all K devices of a polarity together.

    Attributes:
        pulses: SET pulses of the update.
        transfer_pulses: those of them that columns of a second array sent to the weights.
        refreshes: pairs of devices that are RESET.
        refresh_pulses: SET pulses that write them back.
        mean_g_uS: mean conductance of a device; None for the constants' assumption.
    """

    pulses: float
    refreshes: float
    refresh_pulses: float
    mean_g_uS: float | None = None
    transfer_pulses: float = 0.0

    @staticmethod
    def measured(
        counters: Iterable[Mapping[str, int]], weights: int, mean_g_uS: float
    ) -> "Activity":
        """From the counters of all tiles of a layer or a network.

        Args:
            counters: `PCMTile.counters` of each tile, after at least one update.
            weights: of all these tiles.
            mean_g_uS: of their devices.
        """
        tiles = list(counters)
        updates = max(tile["updates"] for tile in tiles)
        per_weight = 1.0 / (weights * updates)
        return Activity(
            pulses=sum(tile["pulses"] for tile in tiles) * per_weight,
            refreshes=sum(tile["refreshes"] for tile in tiles) * per_weight,
            refresh_pulses=sum(tile["refresh_pulses"] for tile in tiles) * per_weight,
            mean_g_uS=mean_g_uS,
            transfer_pulses=sum(tile.get("transfer_pulses", 0) for tile in tiles) * per_weight,
        )
