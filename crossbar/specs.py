"""What a user can choose about a crossbar and the circuits around it, as frozen parameter objects.

Each of them also parses from a mapping, so that the keys of a YAML file are these attributes.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from crossbar.rules import RULES, RuleChoice
from device_models.parameters import Parameters

OperandBits = Annotated[int, Field(ge=2, le=8)]
"""Word length of the inputs and errors that an update multiplies: at most 8, so that 32-bit adders hold their sums."""


def _changed(spec: Parameters) -> set[str]:
    """Names of the values that differ from their defaults."""
    fields = type(spec).model_fields
    return {name for name, field in fields.items() if getattr(spec, name) != field.default}


def _without_defaults(values: dict[str, Any], spec: Parameters, names: Iterable[str]) -> None:
    """Take what came later and is not used out of a resolved config: results are stored under its hash."""
    for name in set(names) - _changed(spec):
        values.pop(name, None)


class ArraySpec(Parameters):
    """One crossbar array and how weights lie on it."""

    rows: int | None = Field(default=None, ge=1)
    """Largest number of inputs of one array; null: as many as the layer has."""
    columns: int | None = Field(default=None, ge=1)
    """Largest number of output nodes of one array; null: as many as the layer has."""
    devices_per_polarity: int = Field(default=1, ge=1, le=64)
    """K, devices that share one polarity of a synapse, in parallel (I. Boybat et al., Nat. Commun. 9, 2514 (2018))."""
    weight_range: Annotated[float, Field(gt=0.0)] | Literal["auto"] = 1.0
    """Weight for which all K devices of one polarity are at g_max, and those of the other at RESET; auto: the largest
    weight of each layer, as it is when the model is put on crossbars."""
    scale: Literal["array", "column"] = "array"
    """What shares the weight that g_max stands for, where weights are programmed once: all columns of an array, or each
    column on its own, scaled back in the digital periphery. Training in place has one weight_range per layer."""

    @model_serializer(mode="wrap")
    def _without_the_usual_scale(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        _without_defaults(values, self, ("scale",))
        return values


class IOSpec(Parameters):
    """The converters at the edge of an array, with the meaning and defaults of aihwkit's IOParameters.

    Bounds and noise are in units of one device pair at full range driven by a full input, so that
    they do not change with `weight_range`.
    """

    perfect: bool = False
    """No converters at all: every other value is ignored, so none may be given."""
    dac_bits: int | None = Field(default=7, ge=2, le=24)
    """Input resolution, bits: `2^bits - 2` steps over twice inp_bound; null: infinite."""
    adc_bits: int | None = Field(default=9, ge=2, le=24)
    """Output resolution, bits: `2^bits - 2` steps over twice out_bound; null: infinite."""
    inp_bound: float = Field(default=1.0, gt=0.0)
    """Largest input of the DAC, after scaling, in units of a full input."""
    inp_noise: float = Field(default=0.0, ge=0.0)
    """Standard deviation of the noise on each input, in units of a full input."""
    out_bound: float | None = Field(default=12.0, gt=0.0)
    """Largest output of the ADC, in units of one device pair at full range driven by a full input; null: no bound,
    which needs adc_bits null too."""
    out_noise: float = Field(default=0.06, ge=0.0)
    """Standard deviation of the noise on each output before the ADC, in units of one device pair at full range driven
    by a full input."""
    noise_management: Literal["abs_max", "none"] = "abs_max"
    """abs_max: scale every input vector by its largest absolute value; none: do not."""
    bound_management: Literal["iterative", "none"] = "iterative"
    """iterative: halve the inputs and repeat when an output is clipped; none: do not. Forward direction only, as on the
    chips that have it."""
    inp_range: Literal["fixed", "calibrated"] = "fixed"
    """What a full input is. fixed: the number 1, or with noise_management abs_max each vector's own largest value.
    calibrated: one number per layer, from calibration samples, which grows in the training with what comes;
    noise_management is none then."""
    out_range: Literal["fixed", "calibrated"] = "fixed"
    """Range of the ADC. fixed: out_bound. calibrated: one range per array, from calibration samples, which grows in the
    training with what comes; bound_management is none then."""
    percentile: float = Field(default=100.0, gt=0.0, le=100.0)
    """Percentage of the calibration samples' magnitudes that a calibrated range holds; 100: all of them."""

    @model_validator(mode="before")
    @classmethod
    def _calibrated_ranges_need_no_management(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        given = dict(values)
        if given.get("inp_range") == "calibrated":
            given.setdefault("noise_management", "none")
        if given.get("out_range") == "calibrated":
            given.setdefault("bound_management", "none")
        return given

    @model_validator(mode="after")
    def _consistent(self) -> "IOSpec":
        changed = _changed(self) - {"perfect"}
        if self.perfect and changed:
            raise ValueError(f"perfect: true leaves no room for {', '.join(sorted(changed))}")
        if self.inp_range == "calibrated" and self.noise_management != "none":
            raise ValueError(
                f"noise_management {self.noise_management} scales every vector, so inp_range calibrated has no effect"
            )
        if self.out_range == "calibrated":
            if self.bound_management != "none":
                raise ValueError(
                    f"bound_management {self.bound_management} needs out_range fixed: inputs are halved for out_bound"
                )
            if self.out_bound != type(self).model_fields["out_bound"].default:
                raise ValueError("out_bound has no effect with out_range calibrated")
        if self.percentile != 100.0 and not self.calibrated:
            raise ValueError("percentile has no effect without inp_range or out_range calibrated")
        if self.out_bound is None and self.adc_bits is not None:
            raise ValueError("adc_bits needs an out_bound: the steps are spread over its range")
        if self.out_bound is None and self.bound_management == "iterative":
            raise ValueError("bound_management iterative needs an out_bound")
        return self

    @property
    def calibrated(self) -> bool:
        """Whether a range comes from calibration samples."""
        return "calibrated" in (self.inp_range, self.out_range)

    @model_serializer(mode="wrap")
    def _without_the_usual_ranges(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        _without_defaults(values, self, ("inp_range", "out_range", "percentile"))
        return values


class ReadSpec(Parameters):
    """What the devices themselves add to a read, while training and after."""

    noise: bool = False
    """Read noise of the device model, drawn anew for every input vector."""
    seconds_per_update: float | None = Field(default=None, gt=0.0)
    """Time that one update of the weights takes, s: devices drift while training, each by the time since its last
    pulse; null: no drift while training."""
    during_training: Literal["each_step", "never"] = "each_step"
    """each_step: every product of the training is one of the array, with the conductances as they are. never: open-loop
    training, in which devices are written without being read back and products take digital shadow weights, without
    converters: what one read after programming found, plus a nominal granularity per pulse. Products in evaluation mode
    are those of the array all the same."""


class RefreshSpec(Parameters):
    """When a pair whose devices fill up is RESET and its difference written back.

    The write keeps the difference in expectation, see `kernels.pair_refresh`: for pairs with differences
    N(0, 2 µS) and the default devices its slope, after over before, is 1.00 to 1.02. What single pulses are too
    coarse for is left as noise, 1.3 µS of std under `nandakumar2018`, 2.0 µS under `exp_step`, 0.2 µS under
    `linear`. Above the conductance where SET steps die out in expectation (9.3 of 12 µS under `nandakumar2018`)
    pairs lose weight on average: differences of 9.6 µS lose 0.06 µS there, and of 22.5 µS under `exp_step`,
    where many devices end below, 0.9 µS.
    """

    every_updates: int | None = Field(default=10, ge=1)
    """Updates of the weights between two checks of all pairs; null: no refresh."""
    above: float = Field(default=0.5, gt=0.0, le=1.0)
    """A pair qualifies when its larger device is above this fraction of g_max, and its smaller one above
    other_above."""
    other_above: float = Field(default=0.1, ge=0.0, le=1.0)
    """A pair qualifies when its smaller device is above this fraction of g_max, too: there is range to win back."""
    max_pulses: int | None = Field(default=None, ge=1, lt=2**32 - 1)
    """SET pulses that one write may take; null: four times as many as bring a mean device from RESET to g_max. Pairs
    that would need more are counted, and said in a warning."""


_ONCE_HELD = {"momentum": 0.9, "alpha": 0.9, "betas": (0.9, 0.999), "eps": 1e-8}
"""What every resolved config says of the rule on the tiles, used or not: results are stored under its hash."""


class OptimizerSpec(RuleChoice):
    """The rule that turns gradients into what is added to chi, or into pulses.

    Constants that are the rule's own count as not given: resolved configs hold every one.
    """

    state_bits: Literal[16, 32] = 32
    """Word length of what the rule keeps, bits: 32 (float32) or 16 (bfloat16, rounded stochastically)."""

    @model_validator(mode="before")
    @classmethod
    def _as_once_held(cls, values: Any) -> Any:
        """Without the constants of other rules that resolved configs hold, which have no effect."""
        if not isinstance(values, Mapping):
            return values
        name = values.get("name", "sgd")
        used = RULES[name].model_fields if name in RULES else {}
        return {
            key: value
            for key, value in values.items()
            if key in used or key not in _ONCE_HELD or not _equal(value, _ONCE_HELD[key])
        }

    @model_validator(mode="after")
    def _only_what_differs(self) -> "OptimizerSpec":
        given = self.model_extra or {}
        for name, value in self.rule.constants.items():
            if name in given and value == RULES[self.name].model_fields[name].get_default():
                del given[name]
        if self.state_bits != 32 and not self.rule.state:
            raise ValueError(f"{self.name} does not use state_bits: it keeps nothing")
        return self

    @model_serializer(mode="plain")
    def _whole(self) -> dict[str, Any]:
        constants = {**_ONCE_HELD, **self.rule.constants}
        return {"name": self.name, **constants, "state_bits": self.state_bits}


def _equal(value: Any, other: Any) -> bool:
    return bool((tuple(value) if isinstance(value, list) else value) == other)


def _by_name(values: Any) -> Any:
    """An update in which the rule may be given by its name alone."""
    if isinstance(values, Mapping) and isinstance(values.get("optimizer"), str):
        return {**values, "optimizer": {"name": values["optimizer"]}}
    return values


class GradientPulses(Parameters):
    """How gradients go into an array of devices in pulses, of which nothing digital is kept."""

    keeps: ClassVar[str] = "no state"
    """From one update to the next, in a message."""

    kind: str
    """Which circuits write the update."""
    trains: Literal["summed", "per_sample"] = "summed"
    """summed: the update of a mini-batch is summed up column by column, and each device gets a stochastically rounded
    number of pulses. per_sample: every sample sends stochastic pulse trains along rows and columns, and a device is
    pulsed where they coincide."""
    step_uS: float | None = Field(default=None, gt=0.0)
    """Conductance step that the periphery takes one pulse for, µS; null: the mean of the device model from RESET to the
    refresh level."""
    train_length: int = Field(default=64, ge=1, le=4096)
    """summed: largest number of pulses on a device in one update. per_sample: slots of a train. Where more would be
    needed, the train saturates, and is counted."""
    operand_bits: OperandBits | None = None
    """Word length of the inputs and errors that are multiplied, or sent as trains, bits; null: float32. See
    `crossbar.operands`."""
    optimizer: OptimizerSpec = OptimizerSpec()
    """Rule that turns gradients into pulses: a name, or its parameters; one that keeps nothing, and that these trains
    can carry out."""
    refresh: RefreshSpec = RefreshSpec()
    """When a pair whose devices fill up is RESET and its difference written back."""

    @model_validator(mode="before")
    @classmethod
    def _stateless(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            for key in ("momentum", "accumulator_bits"):
                if key in values:
                    raise ValueError(
                        f"a {cls._kind()} update keeps {cls.keeps}, so it cannot honour {key}: {values[key]!r}; "
                        "use kind: accumulated"
                    )
        return _by_name(values)

    @model_validator(mode="after")
    def _carried_out_by_pulses(self) -> Self:
        name, trains = self.optimizer.name, self.optimizer.rule.pulse_trains
        if not trains:
            raise ValueError(
                f"a {self.kind} update keeps {self.keeps}, so it cannot honour optimizer: '{name}'; "
                "use kind: accumulated"
            )
        if self.trains not in trains:
            raise ValueError(
                f"trains: {self.trains} follow the gradient itself, so they cannot honour optimizer: '{name}'; "
                f"use trains: {' or '.join(trains)}"
            )
        return self

    @classmethod
    def _kind(cls) -> str:
        return str(cls.model_fields["kind"].default)

    @model_serializer(mode="wrap")
    def _without_the_usual_rule(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if self.optimizer == OptimizerSpec():
            del values["optimizer"]
        return values


class PulsedSpec(GradientPulses):
    """Pulses straight from the errors: nothing is kept between two updates."""

    kind: Literal["pulsed"] = "pulsed"
    """pulsed: nothing is kept between two updates."""


class TransferSpec(GradientPulses):
    """State in devices: gradients go in pulses to a second array A, whose columns are read in turn and added to the
    weights C.

    A column here is that of the matrix [n_out, n_in], as in the papers and in aihwkit: the weights of one input, read
    with that row of the crossbar driven alone. A is made of the same pairs as C, as many of them, with faults of its
    own; `trains`, `step_uS`, `train_length`, `operand_bits` and `optimizer` are those of A, `refresh` acts on both.
    GRAPES reads the columns of C alone. Defaults are those of aihwkit's TransferCompound, whose names the parameters
    bear.
    """

    keeps = "no state of a rule"

    transfer_every: int = Field(default=1, ge=1)
    """Updates of A between two transfers to C; aihwkit's `transfer_every` with `units_in_mbatch`."""
    n_reads_per_transfer: int = Field(default=1, ge=1)
    """Columns that one transfer reads, in turn, from the first again after the last; of an array of fewer inputs, each
    of them once."""
    transfer_lr: float = Field(default=1.0, gt=0.0)
    """What a column of A is multiplied by before it is added."""
    scale_transfer_lr: bool = True
    """Whether the learning rate of the training multiplies it as well."""
    gamma: float = Field(default=0.0, ge=0.0)
    """Part that A has in the weights that products see, C + gamma A; 0: they are C alone."""


class TikiTakaSpec(TransferSpec):
    """TTv1: what is read of A goes to C in pulses at once.

    T. Gokmen and W. Haensch, Front. Neurosci. 14, 103 (2020), doi 10.3389/fnins.2020.00103.
    """

    kind: Literal["tiki_taka"] = "tiki_taka"
    """tiki_taka: gradients go to a second array of devices, whose columns are added to the weights in turn."""
    transfer_max_pulses: int = Field(default=31, ge=1, le=4096)
    """SET pulses that one transfer may send to a device of C, stochastically rounded; what is beyond is lost, and
    counted as saturated. The default is `desired_bl` of aihwkit's UpdateParameters."""


class TTv2Spec(TransferSpec):
    """TTv2: what is read of A is added to a digital matrix H, which sends a pulse to C where it is full.

    T. Gokmen, Front. Artif. Intell. 4, 699148 (2021), doi 10.3389/frai.2021.699148; defaults of aihwkit's
    BufferedTransferCompound.
    """

    kind: Literal["ttv2"] = "ttv2"
    """ttv2: as tiki_taka, with a digital matrix between the two arrays that filters what is read."""
    transfer_max_pulses: int = Field(default=1, ge=1, le=4096)
    """SET pulses that one transfer may send to a device of C; more that are due count as saturated. aihwkit's
    `desired_bl`."""
    thres_scale: float = Field(default=1.0, gt=0.0)
    """What fills H: so many steps of C, of `step_uS` each. H is kept in units of that, so that |H| >= 1 is full."""
    forget_buffer: bool = True
    """Whether H falls to buffer_momentum times itself where it has sent a pulse, whatever more there was; false:
    it is reduced by 1 - buffer_momentum for each pulse."""
    buffer_momentum: float = Field(default=0.1, ge=0.0, le=1.0)
    """Part that stays in H after a pulse; aihwkit's `momentum`."""


class AccumulatedSpec(Parameters):
    """Mixed precision: a digital matrix chi collects the updates; devices are written when it is full.

    S. R. Nandakumar et al., Front. Neurosci. 14, 406 (2020).
    """

    kind: Literal["accumulated"] = "accumulated"
    """accumulated: a digital matrix chi collects updates until they fill a granularity."""
    accumulator_bits: int = Field(default=16, ge=2, le=32)
    """Word length of chi, bits: a signed fixed-point number whose full range is one granularity in either direction."""
    granularity_uS: float | None = Field(default=None, gt=0.0)
    """Conductance that one blind SET pulse stands for, µS: a device gets one per this much of |chi|; null: the mean
    step of the device model from RESET to the refresh level."""
    max_pulses: int = Field(default=64, ge=1)
    """SET pulses that one device may get in one update; what is left stays in chi as far as it fits, and is counted as
    saturated where it does not."""
    operand_bits: OperandBits | None = None
    """Word length of the inputs and errors that are multiplied, bits; null: float32. See `crossbar.operands`."""
    optimizer: OptimizerSpec = OptimizerSpec()
    """Rule that turns gradients into what is added to chi: a name, or its parameters."""
    refresh: RefreshSpec = RefreshSpec()
    """When a pair whose devices fill up is RESET and its difference written back."""

    @model_validator(mode="before")
    @classmethod
    def _optimizer_by_name(cls, values: Any) -> Any:
        return _by_name(values)


class ProgrammingNoiseSpec(Parameters):
    """Weights as programming would leave them, drawn anew in every forward pass of the training."""

    kind: Literal["programming"] = "programming"
    """programming: the error of both devices of a pair at the weight's own target, by the statistics of the devices."""
    scale: float = Field(default=1.0, gt=0.0)
    """Factor on the standard deviation."""


class GaussianNoiseSpec(Parameters):
    """Gaussian noise on the weights, drawn anew in every forward pass of the training.

    V. Joshi et al., Nat. Commun. 11, 2473 (2020).
    """

    kind: Literal["gaussian"] = "gaussian"
    """gaussian: the same standard deviation for all weights."""
    scale: float = Field(default=0.038, gt=0.0)
    """Standard deviation relative to the largest weight of the array, or of the column where each has its own scale;
    3.8 % is the programming error of 0.94 µS that Joshi et al. measured on devices of 25 µS (quoted from memory)."""


class ClipSpec(Parameters):
    """Bound on the weights, kept after every update."""

    sigmas: float = Field(default=2.0, gt=0.0)
    """Largest magnitude in standard deviations of the layer's weights (2 for CIFAR-10 in Joshi et al., quoted from
    memory)."""


class SoftwareSpec(Parameters):
    """Training in software, hardware-aware or not: float weights, which are programmed once at the end.

    V. Joshi et al., Nat. Commun. 11, 2473 (2020).
    """

    kind: Literal["software"] = "software"
    """software: float weights in the computer, the array's model in the forward pass, programmed once at the end."""
    noise: (
        Annotated[ProgrammingNoiseSpec | GaussianNoiseSpec, Field(discriminator="kind")] | None
    ) = None
    """Noise on the weights in the training, gaussian or programming; null: none."""
    clip: ClipSpec | None = None
    """Bound on the weights after every update; null: none."""


class WiresSpec(Parameters):
    """Wires of an array: rows driven at one end, columns read at the other."""

    row_ohm: float = Field(ge=0.0)
    """Resistance of a row's wire between two crosspoints, and between its driver and the first, Ω."""
    column_ohm: float = Field(ge=0.0)
    """Resistance of a column's wire between two crosspoints, and between the last and its sense amplifier, Ω."""

    @property
    def resist(self) -> bool:
        """Whether any wire has a resistance."""
        return self.row_ohm > 0.0 or self.column_ohm > 0.0


class ProgramSpec(Parameters):
    """How a weight matrix is written into the devices. Every write starts with a RESET of both devices."""

    kind: Literal["exact", "open_loop", "write_verify"] = "write_verify"
    """exact: the targets themselves, as aihwkit's `set_weights` does. open_loop: blind SET pulses, as many as reach the
    target in expectation, stochastically rounded. write_verify: SET pulses with a read after each, until the target is
    reached within the tolerance; one that overshoots is RESET and starts again. Its bias is within the tolerance: for
    weights of N(0, 2 µS) the slope of what is written over what was wanted is 0.99 to 1.00."""
    tolerance_uS: float | None = Field(default=None, gt=0.0)
    """Tolerance of write_verify, µS; null: half the device model's mean step."""
    max_pulses: int | None = Field(default=None, ge=1, lt=2**32 - 1)
    """Pulses that one device may take; null: four times as many as bring a mean device from RESET to g_max. Pairs that
    would need more are counted, and said in a warning."""

    @model_validator(mode="after")
    def _tolerance_is_used(self) -> "ProgramSpec":
        if self.tolerance_uS is not None and self.kind != "write_verify":
            raise ValueError(f"tolerance_uS belongs to write_verify, not to {self.kind}")
        return self


_InPlace = PulsedSpec | AccumulatedSpec | TikiTakaSpec | TTv2Spec

UpdateSpec = Annotated[_InPlace, Field(discriminator="kind")]
"""A mapping with the key `kind` parses into the update in place of that name."""

AnyUpdateSpec = Annotated[_InPlace | SoftwareSpec, Field(discriminator="kind")]
"""The same with training in software."""
