"""What an experiment leaves behind."""

from dataclasses import dataclass
from typing import Any

from imc_grapes.summary import Summary


@dataclass(frozen=True)
class Outcome:
    """Everything there is to know of an experiment that is over."""

    result: Summary
    """Decided by the config and the seed; written to ``summary.json``."""
    metrics: list[dict[str, Any]]
    """One entry per epoch; written to ``metrics.jsonl``."""
    measurements: dict[str, Any]
    """Durations, dates and memory, which differ from run to run; written to ``measurements.json``."""

    @property
    def summary(self) -> dict[str, Any]:
        """`result` with the keys and values of ``summary.json``."""
        return self.result.as_dict()
