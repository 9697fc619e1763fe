"""One trial as the store has it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imc_grapes.summary import Summary


def now() -> str:
    """This moment as results keep it: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class TrialResult:
    """What came of one attempt to run a trial; `error` is None where it succeeded."""

    started: str
    finished: str
    seconds: float
    host: str
    versions: dict[str, Any]
    summary: Summary | None = None
    metrics: list[dict[str, Any]] | None = None
    measurements: dict[str, Any] | None = None
    error: str | None = None
