"""What an experiment leaves behind."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """Everything there is to know of an experiment that is over."""

    summary: dict[str, Any]
    """Decided by the config and the seed; written to ``summary.json``."""
    metrics: list[dict[str, Any]]
    """One entry per epoch; written to ``metrics.jsonl``."""
    measurements: dict[str, Any]
    """Durations, dates and memory, which differ from run to run; written to ``measurements.json``."""
