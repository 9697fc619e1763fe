"""Drift of our own tiles after they were trained in place."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from torch import nn

from crossbar.drift_compensation import Compensation, CompensationRead
from device_models import InferenceStatistics
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.layers.incoming_weights import is_analog


class PCMTiles(ProgrammedNetwork):
    """A model on PCM tiles. Its devices hold what the training wrote and are not programmed again.

    Args:
        model: a network trained on PCM tiles.
        statistics: drift and read noise of the devices from the end of training on; None for the device model's own
            drift law.
        compensation_read: what global drift compensation reads; see `crossbar.drift_compensation`.
        read_noise: of the device model's own law, whether or not the training had it.
        layers: names of those that are read at a later time; None for all that lie on tiles.
    """

    hardware: ClassVar[str] = "PCM tiles that are trained in place"
    compensations: ClassVar[tuple[Compensation, ...]] = ("none", "global")

    def __init__(
        self,
        model: nn.Module,
        statistics: InferenceStatistics | None,
        compensation_read: CompensationRead = "weights",
        read_noise: bool = True,
        layers: Collection[str] | None = None,
    ) -> None:
        self._model = model
        self._tiles_of: dict[str, list[Any]] = {
            name: [part for part in module.modules() if hasattr(part, "drift_to")]
            for name, module in model.named_modules()
            if is_analog(module) and (layers is None or name in layers)
        }
        self._tiles = [tile for tiles in self._tiles_of.values() for tile in tiles]
        self._statistics = statistics
        self._compensation_read = compensation_read
        self._read_noise = read_noise
        self._seed = 0

    @property
    def layers(self) -> list[str]:
        """Names of the layers on tiles."""
        return list(self._tiles_of)

    def only(self, layer: str) -> "PCMTiles":
        """The same with one layer read at a later time, and all others read now."""
        return PCMTiles(
            self._model, self._statistics, self._compensation_read, self._read_noise, (layer,)
        )

    def program(self, seed: int) -> None:
        """Leave the devices as they are; `seed` fixes their read noise and, under statistics, their drift exponents.

        By its own law a device keeps the exponent that it was made with.
        """
        self._seed = seed

    def read(self, time_s: float) -> None:
        """Let every tile show its devices `time_s` seconds after the last update."""
        for tile in self._tiles:
            tile.drift_to(
                time_s,
                self._statistics,
                self._seed,
                compensate_drift=True,
                compensation_read=self._compensation_read,
                read_noise=self._read_noise,
            )

    def n_devices(self) -> int:
        """Both polarities of every synapse of every tile."""
        return sum(tile.g_plus.size + tile.g_minus.size for tile in self._tiles)

    @contextmanager
    def compensated(self, kind: Compensation) -> Iterator[None]:
        """Use the same read with or without the factor of each array."""
        compensated = [tile.tile.later for tile in self._tiles]
        if kind == "none":
            for tile, read in zip(self._tiles, compensated, strict=True):
                tile.tile.later = replace(read, gain=1.0)
        try:
            yield
        finally:
            for tile, read in zip(self._tiles, compensated, strict=True):
                tile.tile.later = read

    def finish(self) -> None:
        """Show the devices as the training left them."""
        for tile in self._tiles:
            tile.drift_to(None)
