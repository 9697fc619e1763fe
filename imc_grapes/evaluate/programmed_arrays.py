"""Layers trained in software, programmed into their arrays and computing through all of their circuits."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import nn

from crossbar.array_layers import is_array_layer
from crossbar.array_layers.layer import ArrayLayer
from crossbar.array_layers.nonidealities import Nonidealities, nonidealities_of
from crossbar.array_layers.programmed import ALL, LayerRead, ProgrammedLayer, program_layer
from crossbar.drift_compensation import Compensation, CompensationRead
from device_models import InferenceStatistics
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.seeding import stream_seed


class ProgrammedArrays(ProgrammedNetwork):
    """A model made by `to_crossbar` with ``update: software``.

    Products are those of the arrays: converters per array, partial sums added digitally, read noise drawn for every
    input vector. The weights stay as they are; the layers are told what their devices show.

    Args:
        model: with layers of `crossbar.array_layers`.
        statistics: of the devices; None for those of each layer's config.
        compensation_read: what drift compensation reads; see `crossbar.drift_compensation`.
        nonidealities: what takes part.
        layers: names of those that are programmed; None for all on arrays. The others compute as torch's layers.
    """

    hardware: ClassVar[str] = "arrays"

    def __init__(
        self,
        model: nn.Module,
        statistics: InferenceStatistics | None = None,
        compensation_read: CompensationRead = "weights",
        nonidealities: Nonidealities = ALL,
        layers: Collection[str] | None = None,
    ) -> None:
        self._model = model
        self._statistics = statistics
        self._compensation_read = compensation_read
        self._nonidealities = nonidealities
        every = array_layers(model)
        self._layers = {
            name: layer for name, layer in every.items() if layers is None or name in layers
        }
        self._others = [layer for name, layer in every.items() if name not in self._layers]
        self._programmed: dict[str, ProgrammedLayer] = {}
        self._reads: dict[str, LayerRead] = {}

    @property
    def layers(self) -> list[str]:
        """Names of the layers that are programmed."""
        return list(self._layers)

    def only(self, layer: str) -> "ProgrammedArrays":
        """The same with one layer programmed; its devices are those that it has among all others."""
        return ProgrammedArrays(
            self._model, self._statistics, self._compensation_read, self._nonidealities, (layer,)
        )

    @property
    def nonidealities(self) -> list[str]:
        """Those of the devices and circuits of any of its layers."""
        layers = self._layers.values()
        there = {
            name
            for layer in layers
            for name in nonidealities_of(self._statistics or layer.config.statistics)
        }
        if any(layer.converters is not None for layer in layers):
            there.add("converters")
        if any(layer.config.wires is not None and layer.config.wires.resist for layer in layers):
            there.add("wires")
        return [
            name
            for name in Nonidealities.model_fields
            if name in there and getattr(self._nonidealities, name)
        ]

    def suffering_from(self, nonideality: str) -> "ProgrammedArrays":
        """The same with one of them alone; its random numbers are those that it has among all others."""
        return ProgrammedArrays(
            self._model,
            self._statistics,
            self._compensation_read,
            Nonidealities.only(nonideality),
            self.layers,
        )

    def program(self, seed: int) -> None:
        """Write every layer into devices of its own."""
        self._programmed = {
            name: program_layer(
                layer.matrix().detach(),
                layer.blocks,
                layer.scales(),
                self._statistics or layer.config.statistics,
                stream_seed(seed, name),
                devices_per_polarity=layer.config.array.devices_per_polarity,
                wires=layer.config.wires,
                nonidealities=self._nonidealities,
            )
            for name, layer in self._layers.items()
        }
        for layer in self._others:
            layer.digital = True

    def read(self, time_s: float) -> None:
        """Read every array once; products draw read noise around that."""
        self._reads = {name: layer.read(time_s) for name, layer in self._programmed.items()}
        self._use("none")

    def n_devices(self) -> int:
        """K devices of either polarity for every weight."""
        return sum(
            2 * layer.config.array.devices_per_polarity * layer.weight.numel()
            for layer in self._layers.values()
        )

    @contextmanager
    def compensated(self, kind: Compensation) -> Iterator[None]:
        """Use the same read, with digital factors; its products draw the same noise for every kind."""
        self._use(kind)
        try:
            yield
        finally:
            self._use("none")

    @contextmanager
    def digital(self) -> Iterator[None]:
        """Within it, all layers compute as torch's."""
        layers = [*self._layers.values(), *self._others]
        before = [layer.digital for layer in layers]
        for layer in layers:
            layer.digital = True
        try:
            yield
        finally:
            for layer, was in zip(layers, before, strict=True):
                layer.digital = was

    def finish(self) -> None:
        """Compute with the trained weights on ideal devices again."""
        for layer in self._layers.values():
            layer.forget()
        for layer in self._others:
            layer.digital = False

    def _use(self, kind: Compensation) -> None:
        for name, read in self._reads.items():
            self._layers[name].set_read(read.compensated(kind, self._compensation_read))


def array_layers(model: nn.Module) -> Mapping[str, ArrayLayer]:
    """The layers on arrays of a model that is trained in software, by name."""
    found: dict[str, Any] = {
        name: module for name, module in model.named_modules() if is_array_layer(module)
    }
    return found
