"""The configuration of a `PCMTile`, in the form that aihwkit's layers take."""

import copy
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, replace
from typing import Any, Self, TypeVar

from aihwkit.simulator.parameters.io import IOParameters
from aihwkit.simulator.parameters.mapping import MappableRPU, MappingParameter
from aihwkit.simulator.parameters.pre_post import PrePostProcessingRPU
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from crossbar.analog_product import converters, io_parameters
from crossbar.open_loop import open_loop_problems
from crossbar.pcm_tile import PCMTile, PCMTileArray
from crossbar.specs import (
    AccumulatedSpec,
    AnyUpdateSpec,
    ArraySpec,
    IOSpec,
    ProgramSpec,
    PulsedSpec,
    ReadSpec,
    SoftwareSpec,
    TikiTakaSpec,
    TTv2Spec,
    WiresSpec,
)
from crossbar.streams import TileStreams
from device_models.faults import Faults
from device_models.inference.spec import StatisticsSpec
from device_models.inference.statistics import InferenceStatistics
from device_models.parameters import Parameters, one_line
from device_models.training import DEVICES, TrainingModel, TrainingModelSpec
from kernels.errors import InputError, did_you_mean

Spec = TypeVar("Spec", bound=Parameters)
_UPDATES = (PulsedSpec, AccumulatedSpec, TikiTakaSpec, TTv2Spec, SoftwareSpec)
_UPDATE_NAMES = ("pulsed", "accumulated", "tiki_taka", "ttv2", "software")
_IO_NAMES = ("default", "perfect")


@dataclass
class PCMConfig(MappableRPU, PrePostProcessingRPU):
    """What the tiles of a layer are made of; pass it to an aihwkit layer as `rpu_config`.

    `device`, `io` and `update` each take a name, a mapping, or a frozen parameter object; the others a
    mapping or an object.

    Attributes:
        device: the name of a device model, such as "nandakumar2018", or a model of `device_models.training`; as a
            mapping with the key `model`.
        io: "default" (7-bit DAC, 9-bit ADC, output noise: aihwkit's defaults), "perfect", `IOSpec`, or
            aihwkit's own `IOParameters`, which then hold in both directions and in units of weights.
        update: "pulsed", "accumulated", "tiki_taka", "ttv2", "software", or one of `PulsedSpec`, `AccumulatedSpec`,
            `TikiTakaSpec`, `TTv2Spec`, `SoftwareSpec`; as a mapping with the key `kind`. software: `to_crossbar` makes
            layers of `crossbar.array_layers`, whose weights are trained in the computer and programmed once.
        array: `ArraySpec`: size of one array, devices per polarity, weight range or scale.
        read: `ReadSpec`: read noise of the devices, drift while training; in place only.
        programming: `ProgramSpec`: what `set_weights` does; exact by default; in place only.
        faults: `device_models.faults.Faults`: fractions of stuck devices; in place only.
        wear: count the pulses of each device, SET and RESET apart; in place only. See `PCMTile.wear`.
        wires: `WiresSpec`: resistance of the wires; software only. None for none.
        statistics: of the devices that weights trained in software are programmed into: a preset's name, the keys of
            `device_models.StatisticsSpec`, or an object; None for pcm_nandakumar2019. In place, `evaluate_drift` takes
            them.
        seed: fixes all random numbers of the tiles: configs with the same seed give the same tiles, in the order in
            which they are built. None for streams that no other config of the process has; see `crossbar.streams`.
        streams: which streams its tiles have got; counted across all copies of the config.

    Raises:
        InputError: a value is impossible, or a combination cannot be honoured.
    """

    tile_class: type = PCMTile
    tile_array_class: type | None = PCMTileArray
    device: Any = "nandakumar2018"
    io: InitVar[Any] = "default"
    update: Any = "pulsed"
    array: Any = None
    read: Any = None
    programming: Any = None
    faults: Any = None
    wear: bool = False
    seed: int | None = None
    wires: Any = None
    statistics: Any = None
    forward: IOParameters = field(init=False)
    backward: IOParameters = field(init=False)
    io_spec: IOSpec | None = field(default=None, init=False)
    """The converters as they were given; None where they are aihwkit's `IOParameters`."""
    _io_in_weights: bool = field(default=False, init=False, repr=False)
    streams: TileStreams = field(init=False, compare=False)

    def __post_init__(self, io: Any) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | None):
            raise InputError(f"seed: must be an integer or None (got {self.seed!r})")
        if not isinstance(self.wear, bool):
            raise InputError(f"wear: must be True or False (got {self.wear!r})")
        self.streams = TileStreams(self.seed)
        self.update = _choice(
            "update",
            self.update,
            _UPDATE_NAMES,
            "kind",
            AnyUpdateSpec,
            _UPDATES,
        )
        self._refuse_what_has_no_effect(io)
        self.device = _choice(
            "device", self.device, DEVICES.names, "model", TrainingModelSpec, TrainingModel
        )
        self.array = _spec("array", self.array, ArraySpec())
        self.read = _spec("read", self.read, ReadSpec())
        self.programming = _spec("programming", self.programming, ProgramSpec(kind="exact"))
        self.faults = _spec("faults", self.faults, Faults())
        if self.wires is not None:
            self.wires = _spec("wires", self.wires, WiresSpec(row_ohm=0.0, column_ohm=0.0))
        if self.in_software:
            self.statistics = _statistics(self.statistics)
        self._refuse_parts()
        self._set_converters(io)
        self._set_mapping()
        self._check_read()

    @property
    def in_software(self) -> bool:
        """Whether weights are trained in the computer and programmed once."""
        return isinstance(self.update, SoftwareSpec)

    def _refuse_what_has_no_effect(self, io: Any) -> None:
        if not self.in_software:
            for key, home in (
                ("wires", "the update in place does not know them"),
                ("statistics", "in place, evaluate_drift(model, ..., statistics=...) takes them"),
            ):
                if getattr(self, key) is not None:
                    raise InputError(
                        f"{key}: belongs to update software; {home} (got {getattr(self, key)!r})"
                    )
            return
        for key in ("read", "programming", "faults"):
            if getattr(self, key) is not None:
                raise InputError(
                    f"{key}: has no effect with update software, whose devices are those of the statistics "
                    f"(got {getattr(self, key)!r}); allowed: statistics={{...}}"
                )
        if self.wear:
            raise InputError(
                "wear: counts the pulses of updates in place; update software programs its devices once (got True)"
            )
        if self.device != "nandakumar2018":
            raise InputError(
                "device: pulses nothing with update software, whose devices are those of the statistics "
                f"(got {self.device!r}); allowed: statistics={{...}}"
            )
        if isinstance(io, IOParameters):
            raise InputError(
                "io: update software takes 'default', 'perfect', a mapping or an IOSpec (got aihwkit's IOParameters)"
            )

    def _refuse_parts(self) -> None:
        if self.in_software:
            if self.array.weight_range != 1.0:
                raise InputError(
                    "array.weight_range: has no effect with update software, where array.scale says what shares a "
                    f"scale (got {self.array.weight_range!r}); leave it out"
                )
        elif self.array.scale != "array":
            raise InputError(
                "array.scale: training in place has one weight_range per layer, so it cannot honour "
                f"{self.array.scale!r}; allowed: array, or update software"
            )

    def _set_converters(self, io: Any) -> None:
        if isinstance(io, IOParameters):
            self.forward, self.backward = io, io
            self._io_in_weights = True
        else:
            spec = _io_spec(io)
            if spec.calibrated and not self.in_software:
                key = "inp_range" if spec.inp_range == "calibrated" else "out_range"
                raise InputError(
                    f"io.{key}: training in place has no calibrated ranges; allowed: fixed, or update software"
                )
            self.io_spec = spec
            weight_range = self.array.weight_range
            if weight_range == "auto":
                weight_range = 1.0  # until for_weights
            self.forward = io_parameters(spec, weight_range, forward=True)
            self.backward = io_parameters(spec, weight_range, forward=False)
        converters(self.forward)
        converters(self.backward)

    def _set_mapping(self) -> None:
        if not self.mapping.digital_bias:
            raise InputError(
                "mapping.digital_bias: the PCM tile has no analog bias; allowed: True (a digital bias)"
            )
        sizes = (self.array.rows or 0, self.array.columns or 0)
        default = MappingParameter()
        given = (self.mapping.max_input_size, self.mapping.max_output_size)
        if given != (default.max_input_size, default.max_output_size) and given != sizes:
            raise InputError(
                f"mapping: max_input_size, max_output_size = {given} contradict array.rows, "
                f"array.columns = {sizes}; give the array alone"
            )
        self.mapping.max_input_size, self.mapping.max_output_size = sizes

    def _check_read(self) -> None:
        law = self.device.read_law
        for key, wanted in (
            ("noise", self.read.noise),
            ("seconds_per_update", self.read.seconds_per_update),
        ):
            if wanted and law is None:
                raise InputError(
                    f"read.{key}: the model {self.device.model} has neither drift nor read noise "
                    f"(got {wanted!r}); nandakumar2018 has both"
                )
        for path, message in open_loop_problems(self.read, self.update):
            raise InputError(f"{'.'.join(path)}: {message}")

    def for_weights(self, weights: Tensor) -> Self:
        """A copy for one layer, in which `array.weight_range: auto` is the layer's largest weight.

        Copies go on numbering tiles where the original stands.

        Args:
            weights: of the layer, any shape.

        Raises:
            InputError: the range is auto, and all weights are zero.
        """
        own = copy.deepcopy(self)
        if self.array.weight_range != "auto":
            return own
        largest = float(weights.abs().max())
        if largest == 0.0:
            raise InputError(
                "array.weight_range: auto takes the largest weight of a layer, and all are 0; give a number"
            )
        own.array = self.array.model_copy(update={"weight_range": largest})
        if not self._io_in_weights:
            for direction in ("forward", "backward"):
                io = getattr(self, direction)
                scaled = {"out_bound": io.out_bound * largest, "out_noise": io.out_noise * largest}
                setattr(own, direction, replace(io, **scaled))
        return own

    def get_default_tile_module_class(self, out_size: int = 0, in_size: int = 0) -> type:
        """One tile, or several where a layer is larger than an array.

        Args:
            out_size: number of outputs of the layer.
            in_size: number of inputs of the layer.

        Raises:
            InputError: weights are trained in software.
        """
        if self.in_software:
            raise InputError(
                "update: software has no tiles of aihwkit's layers; imc_grapes.to_crossbar makes its layers from "
                "digital ones"
            )
        rows, columns = self.array.rows or in_size, self.array.columns or out_size
        fits = in_size <= rows and out_size <= columns
        return self.tile_class if fits or self.tile_array_class is None else self.tile_array_class


def _choice(
    key: str,
    value: Any,
    names: tuple[str, ...],
    tag: str,
    union: Any,
    classes: type | tuple[type, ...],
) -> Any:
    if isinstance(value, classes):
        return value
    if isinstance(value, str):
        value = {tag: value}
    if not isinstance(value, Mapping):
        raise InputError(f"{key}: must be a name, a mapping or a parameter object (got {value!r})")
    values = dict(value)
    if values.get(tag) not in names:
        raise InputError(
            f"{key}.{tag}: must be one of {', '.join(names)} (got {values.get(tag)!r})"
            f"{did_you_mean(values.get(tag), names)}"
        )
    try:
        return TypeAdapter(union).validate_python(values)
    except ValidationError as error:
        raise InputError(f"{key}: {one_line(error)}") from None


def _spec(key: str, value: Any, default: Spec) -> Spec:
    if value is None:
        return default
    if isinstance(value, type(default)):
        return value
    if not isinstance(value, Mapping):
        raise InputError(f"{key}: must be a mapping or a {type(default).__name__} (got {value!r})")
    try:
        return type(default).of(value)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _statistics(value: Any) -> InferenceStatistics:
    if isinstance(value, InferenceStatistics):
        return value
    spec = _spec(
        "statistics", {"preset": value} if isinstance(value, str) else value, StatisticsSpec()
    )
    try:
        return spec.build()
    except InputError as error:
        raise InputError(f"statistics: {error}") from None


def _io_spec(value: Any) -> IOSpec:
    if isinstance(value, str):
        if value not in _IO_NAMES:
            hint = did_you_mean(value, _IO_NAMES)
            raise InputError(f"io: must be one of {', '.join(_IO_NAMES)} (got {value!r}){hint}")
        return IOSpec(perfect=value == "perfect")
    return _spec("io", value, IOSpec())
