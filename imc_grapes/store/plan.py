"""What a sweep is made of."""

from dataclasses import dataclass
from typing import Any, Literal

from imc_grapes.config import RunConfig
from imc_grapes.config.yaml_file import KeyPath

Role = Literal["method", "setting", "tune"]
"""method: how the network is trained; setting: on what, such as a device; tune: each method takes its best value."""


@dataclass(frozen=True)
class Setting:
    """One key of a run config, the value it is given, and the line of the sweep file that says so."""

    key: KeyPath
    value: Any
    where: str


@dataclass(frozen=True)
class Choice:
    """One position along an axis of the sweep."""

    label: str
    value: Any
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Axis:
    """One direction in which trials differ, seeds aside."""

    name: str
    role: Role
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Trial:
    """One experiment of the sweep."""

    position: int
    """Its place in the sweep, from 0."""
    hash: str
    """The hash of its resolved config, and of the files that it names."""
    config: RunConfig
    method: str
    setting: str
    tuned: Any
    """The value of the tuned key; None where nothing is tuned."""
    coordinates: dict[str, Any]
    """The value (the label, where it is no plain number or text) along each axis, by the axis's name."""

    @property
    def label(self) -> str:
        """For messages: what tells this trial from the others."""
        parts = [self.method, self.setting]
        if self.tuned is not None:
            parts.append(f"{self.tuned:g}" if isinstance(self.tuned, float) else str(self.tuned))
        parts.append(f"seed {self.config.seed}")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class SweepPlan:
    """Every trial of a sweep, checked."""

    name: str
    question: str | None
    source: str
    """The text of the sweep file."""
    base: dict[str, Any]
    """The resolved base config."""
    axes: tuple[Axis, ...]
    tune: str | None
    baseline: str
    margin: float | None
    """Of equivalence, as the metric is shown; None: the metric's own."""
    resources: dict[str, float]
    files: dict[str, str]
    """SHA-256 of every file that the base config or a trial names, by its path."""
    trials: tuple[Trial, ...]
