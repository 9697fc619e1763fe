"""Weights trained in software, programmed into differential pairs of our own device statistics."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn

from crossbar.array_layers.nonidealities import Nonidealities, nonidealities_of
from crossbar.drift_compensation import Compensation, CompensationRead
from crossbar.programmed_weights import ProgrammedWeights
from device_models import InferenceStatistics
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.layers.weight_layers import weight_layers
from imc_grapes.seeding import stream_seed

Weights = dict[str, Tensor]


class ProgrammedPairs(ProgrammedNetwork):
    """A digital model whose weight layers each lie on one array of pairs; biases stay digital.

    Args:
        model: its weights are replaced by what the devices hold; those it has now are the targets.
        statistics: of the devices.
        compensation_read: what global drift compensation reads; see `crossbar.drift_compensation`.
        layers: names of those that are programmed; None for all weight layers.
    """

    hardware: ClassVar[str] = "differential pairs"

    def __init__(
        self,
        model: nn.Module,
        statistics: InferenceStatistics,
        compensation_read: CompensationRead = "weights",
        layers: Collection[str] | None = None,
    ) -> None:
        self._model = model
        self._statistics = statistics
        self._compensation_read = compensation_read
        self._parameters = {
            name: layer.weight
            for name, layer in weight_layers(model).items()
            if isinstance(layer.weight, Tensor) and (layers is None or name in layers)
        }
        self._targets = {name: w.detach().clone() for name, w in self._parameters.items()}
        self._arrays: dict[str, ProgrammedWeights] = {}
        self._seed = 0
        self._time_s = 0.0
        self._as_read: Weights = {}

    @property
    def layers(self) -> list[str]:
        """Names of the layers that are programmed."""
        return list(self._parameters)

    def only(self, layer: str) -> "ProgrammedPairs":
        """The same with one layer programmed; its devices are those that it has among all others."""
        return ProgrammedPairs(self._model, self._statistics, self._compensation_read, (layer,))

    @property
    def nonidealities(self) -> list[str]:
        """Those of the devices."""
        return nonidealities_of(self._statistics)

    def suffering_from(self, nonideality: str) -> "ProgrammedPairs":
        """The same with one of them alone; its random numbers are those that it has among all others."""
        alone = Nonidealities.only(nonideality).left_in(self._statistics)
        return ProgrammedPairs(self._model, alone, self._compensation_read, self.layers)

    def program(self, seed: int) -> None:
        """Write every layer into devices of its own."""
        self._seed = seed
        self._arrays = {
            name: ProgrammedWeights.program(
                target.cpu().numpy(), self._statistics, stream_seed(seed, name)
            )
            for name, target in self._targets.items()
        }

    def read(self, time_s: float) -> None:
        """Read every array once; the network computes with that read until the next."""
        self._time_s = time_s
        self._as_read = self._read("none")
        self._use(self._as_read)

    def n_devices(self) -> int:
        """Both devices of every pair of every array."""
        return sum(array.state.g_programmed_uS.size for array in self._arrays.values())

    @contextmanager
    def compensated(self, kind: Compensation) -> Iterator[None]:
        """Use the same read, multiplied by the factor of each array or column."""
        if kind != "none":
            self._use(self._read(kind))
        try:
            yield
        finally:
            self._use(self._as_read)

    def finish(self) -> None:
        """Put the trained weights back."""
        self._use(self._targets)

    def _read(self, kind: Compensation) -> Weights:
        return {
            name: torch.from_numpy(
                array.read(
                    self._time_s, stream_seed(self._seed, name, 1), kind, self._compensation_read
                )
            )
            for name, array in self._arrays.items()
        }

    def _use(self, weights: Weights) -> None:
        with torch.no_grad():
            for name, values in weights.items():
                self._parameters[name].copy_(values)
