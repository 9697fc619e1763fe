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
    """Test score at one time, over the repeats: their mean, with the sample standard deviation.

    `beside` has the means of the scores that are reported beside the metric, by name.
    """

    time_s: float
    compensation: Compensation
    mean: float
    std: float
    beside: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self)
        return {**plain, **plain.pop("beside")}


def evaluate_drift(
    scores: Callable[[], dict[str, float]],
    metric: str,
    programmed: ProgrammedNetwork,
    config: EvaluationConfig,
    seed: int,
    on_read: Callable[[], None] = lambda: None,
) -> list[DriftPoint]:
    """Program the network `config.repeats` times, and test it at every time of `config.times_s`: `scores` gives what it
    scores now, by name, and `metric` names the one whose spread is kept.

    Both kinds of compensation see the same devices. Times are visited in rising order.

    Returns:
        A point per time and compensation, sorted by time.
    """
    times = sorted(config.times_s or STANDARD_TIMES_S)
    found: dict[tuple[float, Compensation], list[dict[str, float]]] = {}
    try:
        for repeat in range(config.repeats):
            programmed.program(stream_seed(seed, "programming", repeat))
            for time_s in times:
                programmed.read(time_s)
                if config.drift_compensation in ("none", "both"):
                    with programmed.without_compensation():
                        uncompensated = scores()
                    found.setdefault((time_s, "none"), []).append(uncompensated)
                if config.drift_compensation in ("global", "both"):
                    found.setdefault((time_s, "global"), []).append(scores())
                on_read()
    finally:
        programmed.finish()
    return [
        _point(time_s, compensation, repeats, metric)
        for (time_s, compensation), repeats in sorted(found.items(), key=lambda item: item[0])
    ]


def _point(
    time_s: float, compensation: Compensation, repeats: list[dict[str, float]], metric: str
) -> DriftPoint:
    values = {name: [scores[name] for scores in repeats] for name in repeats[0]}
    means = {name: statistics.fmean(of_name) for name, of_name in values.items()}
    std = statistics.stdev(values[metric]) if len(repeats) > 1 else 0.0
    return DriftPoint(time_s, compensation, means.pop(metric), std, means)


def reads(config: EvaluationConfig) -> int:
    """How many times `evaluate_drift` will read the network."""
    return config.repeats * len(config.times_s or STANDARD_TIMES_S)
