"""Scores over time as they stand in ``summary.json``: a point per time and compensation."""

import statistics
from collections.abc import Iterable

from crossbar.drift_compensation import Compensation
from imc_grapes.evaluate.over_time import Read
from imc_grapes.summary import DriftPoint


def drift_points(reads: Iterable[Read], metric: str) -> list[DriftPoint]:
    """A point per time and compensation, sorted by both; `metric` names the score whose spread is kept."""
    points: dict[tuple[float, Compensation], list[dict[str, float]]] = {}
    for read in reads:
        points.setdefault((read.time_s, read.compensation), []).append(read.scores)
    return [
        _point(time_s, compensation, repeats, metric)
        for (time_s, compensation), repeats in sorted(points.items(), key=lambda item: item[0])
    ]


def _point(
    time_s: float, compensation: Compensation, repeats: list[dict[str, float]], metric: str
) -> DriftPoint:
    values = {name: [scores[name] for scores in repeats] for name in repeats[0]}
    means = {name: statistics.fmean(of_name) for name, of_name in values.items()}
    std = statistics.stdev(values[metric]) if len(repeats) > 1 else 0.0
    mean = means.pop(metric)
    return DriftPoint(
        time_s=time_s, compensation=compensation, mean=mean, std=std, beside=means, **means
    )
