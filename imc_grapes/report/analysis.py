"""A sweep, arranged for comparison: what is compared, on what, at which times, and who took which tuned value."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from imc_grapes.config.hardware_words import (
    NOTHING_ELSE,
    OWN_COMPENSATION,
    hardware_in_words,
    is_weights_alone,
    with_compensation,
)
from imc_grapes.data.metric import Metric
from imc_grapes.pictures.quantities import time_in_words
from imc_grapes.report.tuning import with_chosen
from imc_grapes.store.frames import Level, frame_of
from imc_grapes.store.reader import StoredSweep
from imc_grapes.summary import Summary
from kernels.errors import InputError

MOST_COMPARED_SETTINGS = 8
"""With one method only, that many settings or fewer are compared like methods, by colour."""
_BY_PREFERENCE = ("global", "column", "none")
"""Of the kinds of compensation that all trials have, the first is that of tables and statistics."""


@dataclass(frozen=True)
class Analysis:
    """Finished trials in tidy frames; each has the columns `series` (compared by colour) and `facet` (side by side)."""

    sweep: StoredSweep
    metric: Metric
    """What all trials are measured by."""
    trials: pd.DataFrame
    """Every trial, with `chosen` and, where it is done, `headline`: the score that methods are ranked by."""
    chosen: pd.DataFrame
    """Finished trials that have the tuned value their method takes."""
    drift: pd.DataFrame
    """Of the chosen trials: a row per time since programming and kind of compensation."""
    epochs: pd.DataFrame
    """Of the chosen trials: a row per epoch."""
    tasks: pd.DataFrame
    """Of the chosen trials that learned several tasks: a row per task after each that was trained."""
    compares: str
    """What `series` is: method or setting."""
    series: list[str]
    facets: list[str]
    baseline: str
    margin: float
    """Of equivalence, as the metric is shown."""
    times_s: list[float]
    """Times since programming; empty on hardware that does not drift."""
    compensation: str | None
    """The kind of drift compensation that tables and statistics are about."""
    seeds: int

    @property
    def headline_words(self) -> str:
        """When the headline score was measured."""
        return (
            f"{time_in_words(self.times_s[-1])} after programming"
            if self.times_s
            else "after training"
        )

    @property
    def single_seed(self) -> bool:
        """Whether there is no spread over seeds to show."""
        return self.seeds < 2

    @property
    def spread_words(self) -> str:
        """What the numbers of the summary are: over what their mean and spread are taken, and how drift is met."""
        compensation = f", {with_compensation(self.compensation)}" if self.compensation else ""
        if not self.single_seed:
            return f"mean ± standard deviation over {self.seeds} seeds{compensation}"
        if self.times_s:
            return f"mean ± standard deviation over the repeats of programming{compensation}"
        return "one seed each"

    @property
    def weights_alone_words(self) -> str:
        """What there is not on the hardware, where only the weights lie on devices; empty where all trials have it."""
        alone = {is_weights_alone(trial["config"]["hardware"]) for trial in self.sweep.trials}
        if True not in alone:
            return ""
        which = "These are weights" if len(alone) == 1 else "Where the tile is digital, weights"
        return f"{which} alone on devices: {NOTHING_ELSE}."

    def facet_name(self, facet: str) -> str:
        """A facet in words, also where there is only one, which has no name."""
        return facet or hardware_in_words(self.sweep.base["hardware"])


def analyse(sweep: StoredSweep) -> Analysis:
    """Arrange a sweep for comparison.

    Raises:
        InputError: no trial of it is done.
    """
    trials = frame_of(sweep, "trials")
    if trials.empty or not (trials["status"] == "done").any():
        raise InputError(
            f"sweep '{sweep.name}': no trial is done yet, so there is nothing to report"
        )
    metric = sweep.metric
    trials = with_chosen(trials, metric)
    methods = _in_order(trials["method"])
    settings = _in_order(trials["setting"])
    by_setting = len(methods) == 1 and 1 < len(settings) <= MOST_COMPARED_SETTINGS
    compares, apart = ("setting", "method") if by_setting else ("method", "setting")
    trials = trials.assign(series=trials[compares], facet="" if by_setting else trials[apart])
    drift = _of_chosen(sweep, "drift", trials)
    times = sorted(drift["time_s"].unique().tolist()) if len(drift) else []
    compensation = None
    if len(drift):
        drift, compensation = _with_one_compensation(drift)
    trials = trials.assign(headline=_headline(trials, sweep, metric, compensation))
    chosen = trials[trials["chosen"] & (trials["status"] == "done")]
    return Analysis(
        sweep=sweep,
        metric=metric,
        trials=trials,
        chosen=chosen,
        drift=drift,
        epochs=_of_chosen(sweep, "epochs", trials),
        tasks=_of_chosen(sweep, "tasks", trials),
        compares=compares,
        series=_in_order(trials["series"]),
        facets=_in_order(trials["facet"]),
        baseline=settings[0] if by_setting else sweep.baseline,
        margin=metric.margin if sweep.margin is None else sweep.margin,
        times_s=times,
        compensation=compensation,
        seeds=int(chosen["seed"].nunique()),
    )


def _with_one_compensation(drift: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The frame, and the kind of compensation that trials are compared by.

    Trials that have no kind in common, such as those of a sweep over the kinds, are compared each by its own.
    """
    kinds_of = drift.groupby("trial")["compensation"].agg(set)
    common = set.intersection(*kinds_of)
    if common:
        return drift, _preferred(common)
    own = drift["trial"].map(kinds_of.map(_preferred))
    return drift[drift["compensation"] == own].assign(
        compensation=OWN_COMPENSATION
    ), OWN_COMPENSATION


def _preferred(kinds: set[str]) -> str:
    return next(kind for kind in _BY_PREFERENCE if kind in kinds)


def _in_order(column: pd.Series) -> list[str]:
    return [str(value) for value in column.unique()]


def _of_chosen(sweep: StoredSweep, level: Level, trials: pd.DataFrame) -> pd.DataFrame:
    """The frame of the chosen trials alone: there may be many times as many."""
    arranged = trials.loc[trials["chosen"], ["trial", "series", "facet"]]
    chosen = set(arranged["trial"])
    of_chosen = replace(sweep, trials=[one for one in sweep.trials if one["hash"] in chosen])
    frame = frame_of(of_chosen, level)
    return frame if frame.empty else frame.merge(arranged, on="trial", how="inner")


def _headline(
    trials: pd.DataFrame, sweep: StoredSweep, metric: Metric, compensation: str | None
) -> list[float | None]:
    """Per trial: mean score at its last time since programming, or its test score if it does not drift."""
    last = {trial["hash"]: _last_score(trial, compensation) for trial in sweep.trials}
    return [last[trial] for trial in trials["trial"]]


def _last_score(trial: dict[str, Any], compensation: str | None) -> float | None:
    summary: Summary | None = trial["summary"]
    if summary is None:
        return None
    if compensation == OWN_COMPENSATION and summary.drift:
        compensation = _preferred({point.compensation for point in summary.drift})
    points = [point for point in summary.drift if point.compensation == compensation]
    return max(points, key=lambda point: point.time_s).mean if points else summary.score
