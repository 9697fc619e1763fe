"""The named device models with their parameters, units and sources, ready to print or to dump."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.spec import INFERENCE_PRESETS, StatisticsSpec
from device_models.inference.statistics import InferenceStatistics
from device_models.parameters import Parameters
from device_models.training import ExpStep, Linear, Nandakumar2018, TrainingModel
from kernels.errors import InputError

_UNIT_OF_SUFFIX = {
    "uS": "µS",
    "s": "s",
    "eV": "eV",
    "celsius": "°C",
}
_TRAINING_MODELS: tuple[type[TrainingModel], ...] = (Nandakumar2018, ExpStep, Linear)
_TRAINING_TITLES = {
    "nandakumar2018": "SET pulses with a fading memory of earlier pulses, drift and read noise",
    "exp_step": "SET pulses with exponentially shrinking steps, every device different",
    "linear": "ideal device with equal steps",
}
_INFERENCE_TITLES = {
    "pcm_nandakumar2019": "programming noise, drift and read noise of a million-device PCM array",
    "pcm_projected": "the same, with the small drift of projected cells",
    "ideal": "no noise and no drift",
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
            return InferenceStatistics.preset(self.name)
        return _training_model(self.name)


def presets() -> tuple[Preset, ...]:
    """All named device models, those of inference first."""
    inference = [
        Preset(name, "inference", _INFERENCE_TITLES[name], tuple(_statistics_parameters(name)))
        for name in INFERENCE_PRESETS
    ]
    training = [
        Preset(name, "training", title, tuple(_training_parameters(_training_model(name))))
        for name, title in _TRAINING_TITLES.items()
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
    known = ", ".join(preset.name for preset in presets())
    raise InputError(f"device model: there is no '{name}'; there are {known}")


def _training_model(name: str) -> TrainingModel:
    model = next(cls for cls in _TRAINING_MODELS if cls.model_fields["model"].default == name)
    return model.of({})


def _statistics_parameters(name: str) -> Iterator[PresetParameter]:
    statistics = StatisticsSpec(preset=name).build()
    for part in ("g_max_uS", "headroom", "g_reset_uS"):
        source = ProgrammingNoise.source if part == "g_max_uS" else "assumption"
        yield PresetParameter(part, getattr(statistics, part), _unit(part), source)
    for part in ("programming", "drift", "read_noise"):
        model: Any = getattr(statistics, part)
        yield from _flat(model, part, model.source)


def _training_parameters(model: TrainingModel) -> Iterator[PresetParameter]:
    yield from _flat(model, "", model.source)
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
