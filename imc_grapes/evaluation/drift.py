"""Test score against time since programming, with and without global drift compensation."""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from imc_grapes.config.schema import EvaluationConfig
from imc_grapes.config.schema.evaluation import STANDARD_TIMES_S
from imc_grapes.evaluation.programmed import ProgrammedNetwork
from imc_grapes.seeding import stream_seed

Compensation = Literal["none", "global"]


@dataclass(frozen=True)
class DriftPoint:
    """Test score at one time, over the repeats: their mean, with the sample standard deviation."""

    time_s: float
    compensation: Compensation
    mean: float
    std: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def evaluate_drift(
    score: Callable[[], float],
    programmed: ProgrammedNetwork,
    config: EvaluationConfig,
    seed: int,
    on_read: Callable[[], None] = lambda: None,
) -> list[DriftPoint]:
    """Program the network `config.repeats` times, and test it at every time of `config.times_s`.

    Both kinds of compensation see the same devices. Times are visited in rising order.

    Returns:
        A point per time and compensation, sorted by time.
    """
    times = sorted(config.times_s or STANDARD_TIMES_S)
    scores: dict[tuple[float, Compensation], list[float]] = {}
    try:
        for repeat in range(config.repeats):
            programmed.program(stream_seed(seed, "programming", repeat))
            for time_s in times:
                programmed.read(time_s)
                if config.drift_compensation in ("none", "both"):
                    with programmed.without_compensation():
                        found = score()
                    scores.setdefault((time_s, "none"), []).append(found)
                if config.drift_compensation in ("global", "both"):
                    scores.setdefault((time_s, "global"), []).append(score())
                on_read()
    finally:
        programmed.finish()
    return [
        DriftPoint(
            time_s,
            compensation,
            statistics.fmean(values),
            statistics.stdev(values) if len(values) > 1 else 0.0,
        )
        for (time_s, compensation), values in sorted(scores.items())
    ]


def reads(config: EvaluationConfig) -> int:
    """How many times `evaluate_drift` will read the network."""
    return config.repeats * len(config.times_s or STANDARD_TIMES_S)
