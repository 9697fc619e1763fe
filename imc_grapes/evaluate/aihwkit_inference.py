"""Programming and drift on aihwkit's inference tiles, by their own noise model."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch

from crossbar.drift_compensation import Compensation
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.layers.incoming_weights import is_analog


class AihwkitInference(ProgrammedNetwork):
    """A model whose analog tiles are aihwkit inference tiles.

    Args:
        model: the model.
        layers: names of those that are programmed; None for all that lie on tiles.
    """

    hardware: ClassVar[str] = "aihwkit's inference tiles"
    compensations: ClassVar[tuple[Compensation, ...]] = ("none", "global")

    def __init__(self, model: Any, layers: Collection[str] | None = None) -> None:
        from aihwkit.inference.compensation.drift import GlobalDriftCompensation
        from aihwkit.simulator.tiles.module import TileModule

        self._model = model
        self._tiles_of = {
            name: [part for part in module.modules() if isinstance(part, TileModule)]
            for name, module in model.named_modules()
            if is_analog(module) and (layers is None or name in layers)
        }
        self._tiles = [tile for tiles in self._tiles_of.values() for tile in tiles]
        self._compensations = [GlobalDriftCompensation() for _ in self._tiles]

    @property
    def layers(self) -> list[str]:
        """Names of the layers on tiles."""
        return list(self._tiles_of)

    def only(self, layer: str) -> "AihwkitInference":
        """The same with one layer programmed."""
        return AihwkitInference(self._model, (layer,))

    def program(self, seed: int) -> None:
        """Draw programming noise and drift exponents anew, from torch's global generator."""
        torch.manual_seed(seed)
        self._compensate(self._compensations)
        self._model.eval()
        for tile in self._tiles:
            tile.program_weights()

    def read(self, time_s: float) -> None:
        """Drift to `time_s`; aihwkit measures the compensation factor of each tile by a read of it."""
        for tile in self._tiles:
            tile.drift_weights(time_s)

    def n_devices(self) -> int:
        """A pair per weight, as aihwkit's conductance converter lays them out."""
        from crossbar import conductances

        return sum(
            pairs.g_plus.size + pairs.g_minus.size
            for tile in self._tiles
            for pairs in conductances(tile)
        )

    @contextmanager
    def compensated(self, kind: Compensation) -> Iterator[None]:
        """Use the factor of each tile that `read` measured, or leave it unused."""
        if kind == "none":
            self._compensate([None] * len(self._tiles))
        try:
            yield
        finally:
            self._compensate(self._compensations)

    def finish(self) -> None:
        """Put the trained weights back into the tiles."""
        for tile in self._tiles:
            tile.tile.set_weights(tile.reference_combined_weights)

    def _compensate(self, compensations: list[Any]) -> None:
        for tile, compensation in zip(self._tiles, compensations, strict=True):
            tile.rpu_config.drift_compensation = compensation
