"""The named device models with their parameters, units and sources, ready to print or to dump."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.spec import StatisticsSpec, inference_statistics
from device_models.inference.statistics import InferenceStatistics
from device_models.parameters import Parameters
from device_models.registry import not_one_of
from device_models.statistics.base import STATISTICS
from device_models.training import DEVICES, TrainingModel
from kernels.errors import InputError

_UNIT_OF_SUFFIX = {
    "uS": "µS",
    "s": "s",
    "eV": "eV",
    "celsius": "°C",
}


@dataclass(frozen=True)
class PresetParameter:
    """One parameter of a named model.

    Attributes:
        name: dotted name.
        value: number, text, or list of numbers.
        unit: its unit; "1" where it has none.
        source: where the value comes from.
    """

    name: str
    value: Any
    unit: str
    source: str


@dataclass(frozen=True)
class Preset:
    """A named model.

    Attributes:
        name: what a config calls it.
        kind: `inference` for `hardware.statistics.preset`, `training` for `hardware.device.model`.
        title: one line that says what it models.
        parameters: all of its parameters.
    """

    name: str
    kind: Literal["inference", "training"]
    title: str
    parameters: tuple[PresetParameter, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def build(self) -> InferenceStatistics | TrainingModel:
        """The model with its default parameters."""
        if self.kind == "inference":
            return inference_statistics(self.name)
        return DEVICES[self.name].of({})


def presets() -> tuple[Preset, ...]:
    """All named device models, those of inference first."""
    inference = [
        Preset(one.name, "inference", one.description, tuple(_statistics_parameters(one.name)))
        for one in STATISTICS
    ]
    training = [
        Preset(one.name, "training", one.description, tuple(_training_parameters(one.value)))
        for one in DEVICES
    ]
    return (*inference, *training)


def find_preset(name: str) -> Preset:
    """The model of that name.

    Raises:
        InputError: there is none; the message lists those that exist.
    """
    for preset in presets():
        if preset.name == name:
            return preset
    raise InputError(f"device model: {not_one_of(name, [preset.name for preset in presets()])}")


def _statistics_parameters(name: str) -> Iterator[PresetParameter]:
    statistics = StatisticsSpec(preset=name).build()
    for part in ("g_max_uS", "headroom", "g_reset_uS"):
        source = ProgrammingNoise.source if part == "g_max_uS" else "assumption"
        yield PresetParameter(part, getattr(statistics, part), _unit(part), source)
    for part in ("programming", "drift", "read_noise"):
        model: Any = getattr(statistics, part)
        yield from _flat(model, part, model.source)


def _training_parameters(kind: type[TrainingModel]) -> Iterator[PresetParameter]:
    fields = {name: field for name, field in kind.model_fields.items() if name != "model"}
    if any(field.is_required() for field in fields.values()):
        for name, field in fields.items():
            value = "required" if field.is_required() else field.default
            yield PresetParameter(name, value, _unit(name), kind.sources.get(name, kind.source))
        return
    model = kind.of({})
    for parameter in _flat(model, "", model.source):
        source = model.sources.get(parameter.name, parameter.source)
        yield replace(parameter, source=source)
    for name in ("g_min_uS", "granularity_uS"):
        yield PresetParameter(name, getattr(model, name), "µS", "follows from the others")
    yield PresetParameter("state_per_device", list(model.state_rows), "1", model.source)


def _flat(parameters: Parameters, prefix: str, source: str) -> Iterator[PresetParameter]:
    for name in type(parameters).model_fields:
        value = getattr(parameters, name)
        dotted = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Parameters):
            yield from _flat(value, dotted, source)
        elif name not in ("kind", "model"):
            yield PresetParameter(
                dotted, list(value) if isinstance(value, tuple) else value, _unit(name), source
            )


def _unit(name: str) -> str:
    return _UNIT_OF_SUFFIX.get(name.rsplit("_", 1)[-1], "1")
