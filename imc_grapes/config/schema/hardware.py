"""``hardware:`` what the weights are stored in."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from crossbar.specs import (
    AnyUpdateSpec,
    ArraySpec,
    IOSpec,
    PulsedSpec,
    ReadSpec,
    SoftwareSpec,
    WiresSpec,
)
from device_models import (
    Faults,
    InferenceStatistics,
    Nandakumar2018,
    StatisticsSpec,
    TrainingModelSpec,
)
from imc_grapes.config.schema.section import Section


class ArrayConfig(Section):
    """The largest crossbar there is; a larger layer is split over several."""

    rows: int = Field(512, ge=1)
    """Largest number of inputs of one crossbar."""
    columns: int = Field(512, ge=1)
    """Largest number of outputs of one crossbar."""


class DigitalHardware(Section):
    """Plain torch layers in 32-bit floating point. With statistics: weights alone on devices, no converters, no wires,
    no array."""

    tile: Literal["digital"] = "digital"
    """digital: weights in 32-bit floating point."""
    statistics: StatisticsSpec | None = None
    """Devices that the trained weights, and nothing else, are programmed into for the evaluation, as differential
    pairs: products stay those of torch, without converters, wires or an array; null: none."""


class AihwkitHardware(Section):
    """aihwkit's own tiles."""

    tile: Literal["aihwkit"]
    """aihwkit: weights on a tile of aihwkit, as one of its presets describes it."""
    preset: str
    """A configuration class of aihwkit.simulator.presets; `imc-grapes presets` lists them."""
    array: ArrayConfig | None = None
    """Size of one crossbar; null: as the preset has it."""
    statistics: StatisticsSpec | None = None
    """Devices in place of those of a hardware-aware preset; null: the preset's own."""


class PCMHardware(Section):
    """Our own arrays: differential pairs in the open, trained in place, or in software and programmed once."""

    tile: Literal["pcm"]
    """pcm: weights as differential pairs of PCM devices; update.kind says how they are trained."""
    device: TrainingModelSpec = Nandakumar2018()
    """Device model of training in place: what SET pulses, RESET and reads do to a device."""
    array: ArraySpec = ArraySpec()
    """Size of one crossbar, devices per polarity, weight range (in place) or scale (in software)."""
    io: IOSpec = IOSpec()
    """Converters at the edge of an array: resolution, bounds, noise."""
    read: ReadSpec = ReadSpec()
    """Of training in place: read noise of the devices, drift while training, open-loop training."""
    update: AnyUpdateSpec = PulsedSpec()
    """How weights are updated. pulsed: in place, nothing is kept between updates | accumulated: in place, a digital
    matrix collects updates | tiki_taka: in place, a second array of devices collects updates, and its columns go to the
    weights in turn | ttv2: the same through a digital matrix | software: float weights in the computer, the array's
    model in the forward pass, programmed once at the end."""
    faults: Faults = Faults()
    """Fractions of stuck devices, of training in place."""
    wear: bool = False
    """Of training in place: count the pulses of each device, SET and RESET apart: how they spread, and how long the
    devices last at their rate, is in summary.json and in the pictures of the run."""
    wires: WiresSpec | None = Field(None, exclude_if=lambda wires: wires is None)
    """Resistance of the wires of every array, with update.kind software; null: none."""
    statistics: StatisticsSpec | None = None
    """Drift and read noise after training in place; null: the device model's own drift law, if it has one. With
    update.kind software: the devices that are programmed; null: those of pcm_nandakumar2019."""

    @model_serializer(mode="wrap")
    def _without_what_has_no_effect(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        # Results are stored under the hash of what this gives.
        if not self.wear:
            values.pop("wear", None)
        if self.in_software:
            for name in ("device", "read", "faults"):
                if getattr(self, name) == type(self).model_fields[name].default:
                    values.pop(name, None)
        return values

    @property
    def in_software(self) -> bool:
        """Whether weights are trained in the computer and programmed once."""
        return isinstance(self.update, SoftwareSpec)

    def drift_statistics(self) -> InferenceStatistics | None:
        """Of training in place: the statistics at the g_max of the device model; None for the model's own law."""
        if self.statistics is None:
            return None
        return self.statistics.model_copy(update={"g_max_uS": self.device.g_max_uS}).build()


HardwareConfig = Annotated[
    DigitalHardware | AihwkitHardware | PCMHardware, Field(discriminator="tile")
]
