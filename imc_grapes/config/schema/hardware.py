"""``hardware:`` what the weights are stored in."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from crossbar.specs import ArraySpec, IOSpec, PulsedSpec, ReadSpec, UpdateSpec
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
    """Our own tile: differential pairs in the open, trained in place."""

    tile: Literal["pcm"]
    """pcm: weights as differential pairs of PCM devices, trained in place."""
    device: TrainingModelSpec = Nandakumar2018()
    """Device model: what SET pulses, RESET and reads do to a device."""
    array: ArraySpec = ArraySpec()
    """Size of one crossbar, devices per polarity, weight range."""
    io: IOSpec = IOSpec()
    """Converters at the edge of an array: resolution, bounds, noise."""
    read: ReadSpec = ReadSpec()
    """Read noise of the devices, drift while training, open-loop training."""
    update: UpdateSpec = PulsedSpec()
    """Circuits that write updates: pulsed, where nothing is kept between updates, or accumulated, where a digital
    matrix collects them."""
    faults: Faults = Faults()
    """Fractions of stuck devices."""
    wear: bool = False
    """Count the pulses of each device, SET and RESET apart: how they spread, and how long the devices last
    at their rate, is in summary.json and in the pictures of the run."""
    statistics: StatisticsSpec | None = None
    """Drift and read noise after the training; null: the device model's own drift law, if it has one."""

    @model_serializer(mode="wrap")
    def _without_wear_that_is_not_counted(
        self, handler: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        # Results are stored under the hash of what this gives.
        if not self.wear:
            del values["wear"]
        return values

    def drift_statistics(self) -> InferenceStatistics | None:
        """The statistics at the g_max of the device model; None for the model's own law."""
        if self.statistics is None:
            return None
        return self.statistics.model_copy(update={"g_max_uS": self.device.g_max_uS}).build()


HardwareConfig = Annotated[
    DigitalHardware | AihwkitHardware | PCMHardware, Field(discriminator="tile")
]
