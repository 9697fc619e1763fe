"""What a PCM tile asks of its configuration; `PCMConfig` is the one that there is."""

from typing import Any, Protocol

from aihwkit.simulator.parameters.io import IOParameters
from aihwkit.simulator.parameters.mapping import MappingParameter

from crossbar.specs import ArraySpec, ProgramSpec, ReadSpec, UpdateSpec
from crossbar.streams import TileStreams
from device_models.faults import Faults
from device_models.training import TrainingModel


class TileConfig(Protocol):
    """The attributes of a `PCMConfig` as a tile reads them, with every name and mapping resolved."""

    device: TrainingModel
    update: UpdateSpec
    array: ArraySpec
    read: ReadSpec
    programming: ProgramSpec
    faults: Faults
    wear: bool
    forward: IOParameters
    backward: IOParameters
    mapping: MappingParameter
    streams: TileStreams

    def __getattr__(self, name: str) -> Any:
        """Everything else that aihwkit's layers read of a configuration."""
        ...
