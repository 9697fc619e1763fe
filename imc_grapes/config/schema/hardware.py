"""``hardware:`` what the weights are stored in."""

from typing import Annotated, Literal

from pydantic import Field

from device_models import StatisticsSpec
from imc_grapes.config.schema.section import Section


class ArrayConfig(Section):
    """The largest crossbar there is; a larger layer is split over several."""

    rows: int = Field(512, ge=1)
    """Inputs of one crossbar."""
    columns: int = Field(512, ge=1)
    """Outputs of one crossbar."""


class DigitalHardware(Section):
    """Plain torch layers in 32-bit floating point."""

    tile: Literal["digital"] = "digital"
    statistics: StatisticsSpec | None = None
    """Devices that the trained weights are programmed into for the evaluation, as differential pairs; null: none."""


class AihwkitHardware(Section):
    """aihwkit's own tiles."""

    tile: Literal["aihwkit"]
    preset: str
    """A configuration class of aihwkit.simulator.presets; `imc-grapes presets` lists them."""
    array: ArrayConfig | None = None
    """null: as the preset has it."""
    statistics: StatisticsSpec | None = None
    """Devices in place of those of a hardware-aware preset; null: the preset's own."""


HardwareConfig = Annotated[DigitalHardware | AihwkitHardware, Field(discriminator="tile")]
