"""The statistics as a config writes them: a preset, and what is changed or added."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from device_models.faults import Faults
from device_models.inference.drift import ConductanceDrift
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.projected import ProjectedDrift
from device_models.inference.read_noise import ReadNoise
from device_models.inference.spread import Spread
from device_models.inference.statistics import InferenceStatistics
from device_models.inference.table import read_table
from device_models.inference.temperature import Temperature
from device_models.parameters import LARGEST_G_MAX_US, Parameters
from device_models.registry import NameIn
from device_models.statistics.base import PARTS, STATISTICS, parts_of
from kernels.errors import InputError


def _drift_kind(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return str(kind or "conductance")


Drift = Annotated[
    Annotated[ConductanceDrift, Tag("conductance")] | Annotated[ProjectedDrift, Tag("projected")],
    Discriminator(_drift_kind),
]


class StatisticsSpec(Parameters):
    """`hardware.statistics` of a config."""

    preset: Annotated[str, NameIn(STATISTICS)] = "pcm_nandakumar2019"
    """Name of the statistics to start from; `imc-grapes presets` lists them."""
    g_max_uS: float = Field(default=25.0, gt=0.0, le=LARGEST_G_MAX_US)
    """Largest target conductance, µS."""
    programming: ProgrammingNoise | None = None
    """Programming noise in place of the preset's; null: the preset's."""
    drift: Drift | None = None
    """Drift in place of the preset's, of kind conductance (the default) or projected; null: the preset's."""
    read_noise: ReadNoise | None = None
    """Read noise in place of the preset's; null: the preset's."""
    faults: Faults = Faults()
    """Fractions of stuck devices."""
    spread: Spread = Spread()
    """Differences from device to device."""
    temperature: Temperature | None = None
    """Temperature since programming; null: that of the drift model."""
    table: Path | None = None
    """CSV file of measured statistics: in place of the preset's programming noise if it holds conductances, in place of
    its drift if it holds exponents; null: none."""
    headroom: float = Field(default=1.25, ge=1.0)
    """Largest conductance of a device relative to its largest target, which is the bound on programming noise and read
    noise (assumption)."""
    g_reset_uS: float = Field(default=0.1, ge=0.0)
    """Conductance of a device that is stuck at RESET, µS (assumption)."""

    def build(self) -> InferenceStatistics:
        """The statistics.

        Raises:
            InputError: the table cannot be read or used, or it holds what `programming` or `drift`
                gives too.
        """
        parts = parts_of(self.preset)
        for name in PARTS:
            if (part := getattr(self, name)) is not None:
                parts[name] = part
        if self.table is not None:
            programming, drift = read_table(self.table)
            if programming is not None:
                if self.programming is not None:
                    raise InputError(
                        f"programming and table {self.table} both give the programming noise; keep one"
                    )
                parts["programming"] = programming
            if drift is not None:
                if self.drift is not None:
                    raise InputError(
                        f"drift: table {self.table} holds drift exponents too; keep one of both"
                    )
                parts["drift"] = drift
        return InferenceStatistics(
            g_max_uS=self.g_max_uS,
            faults=self.faults,
            spread=self.spread,
            temperature=self.temperature,
            headroom=self.headroom,
            g_reset_uS=self.g_reset_uS,
            **parts,
        )


def inference_statistics(preset: str, g_max_uS: float = 25.0, **parts: Any) -> InferenceStatistics:
    """The statistics of a named preset, with parts of it replaced or added.

    Args:
        preset: its name, such as `pcm_nandakumar2019`.
        g_max_uS: largest target, µS.
        **parts: any other key of `StatisticsSpec`: programming, drift, read_noise, faults, spread, temperature, table;
            as parameter objects or mappings.

    Raises:
        InputError: there is no such preset, or a parameter is impossible.

    Example:
        >>> from device_models import inference_statistics
        >>> inference_statistics("pcm_nandakumar2019", temperature={"celsius": 60.0}).g_max_uS
        25.0
    """
    return StatisticsSpec.of({"preset": preset, "g_max_uS": g_max_uS, **parts}).build()
