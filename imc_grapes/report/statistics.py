"""Mean, spread, and paired tests against the baseline."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.effect_size import Equivalence, PairedEffect, equivalence, paired_effect
from imc_grapes.report.learning_columns import LEARNING_COLUMNS
from imc_grapes.report.ledger import costs_of
from imc_grapes.report.tuning import Edge, edges_taken

CONFIDENCE = 0.95
Verdict = Literal["better", "worse", "equivalent", "undecided"]


@dataclass(frozen=True)
class Difference:
    """What runs paired by seed say of a method and the baseline."""

    effect: PairedEffect
    """Size of the difference, in units of the metric and of its spread, with 95 % confidence intervals."""
    p_value: float
    """Of the paired t-test, Holm-corrected over the methods that are tested on the same hardware."""
    equivalence: Equivalence
    """Two one-sided tests against the margin of the sweep, each at 5 %; not corrected for the number of methods."""
    is_better: bool
    """Whether the mean is on the better side of the baseline's."""

    @property
    def is_shown(self) -> bool:
        """Whether a difference was shown, of whatever size."""
        return self.p_value < 1 - CONFIDENCE

    @property
    def side(self) -> Literal["better", "worse"]:
        """Which side of the baseline the mean is on."""
        return "better" if self.is_better else "worse"

    @property
    def verdict(self) -> Verdict:
        """What follows. A difference that is shown but lies within the margin is equivalent: the margin says that it
        does not matter."""
        if self.equivalence.is_shown:
            return "equivalent"
        return self.side if self.is_shown else "undecided"

    @property
    def verdict_words(self) -> str:
        """The verdict; where it is equivalent though a difference was shown, with both."""
        if self.equivalence.is_shown and self.is_shown:
            return f"{self.verdict}, though {self.side}"
        return self.verdict


@dataclass(frozen=True)
class MethodResult:
    """One method on one hardware."""

    series: str
    facet: str
    mean: float
    """Headline score over seeds."""
    std: float | None
    """Sample standard deviation over seeds; None with one seed."""
    seeds: int
    state_bytes: int
    tuned: object
    tuned_edge: Edge | None
    """Whether the tuned value is the lowest or the highest that the method was offered there."""
    costs: dict[str, float]
    """By the name of a `Cost`: its mean over seeds, where every trial says it."""
    learning: dict[str, str]
    """By heading: how it learned, where its trials say."""
    against_baseline: Difference | None


def method_results(analysis: Analysis) -> list[MethodResult]:
    """Every method on every hardware, in the order of the sweep."""
    results: list[MethodResult] = []
    edges = edges_taken(analysis.trials)
    chosen = set(analysis.chosen["trial"])
    summaries = {
        one["hash"]: one["summary"].as_dict()
        for one in analysis.sweep.trials
        if one["hash"] in chosen
    }
    for facet, on_facet in analysis.chosen.groupby("facet", sort=False):
        by_series = dict(iter(on_facet.groupby("series", sort=False)))
        differences = _differences(by_series, analysis)
        for name in analysis.series:
            if name not in by_series:
                continue
            rows = by_series[name]
            results.append(
                MethodResult(
                    series=name,
                    facet=str(facet),
                    mean=float(rows["headline"].mean()),
                    std=_std(rows["headline"]),
                    seeds=len(rows),
                    state_bytes=int(rows["optimizer_state_bytes"].iloc[0]),
                    tuned=rows["tuned"].iloc[0],
                    tuned_edge=edges.get((name, str(facet))),
                    costs=costs_of([summaries[trial] for trial in rows["trial"]]),
                    learning=_learning(rows),
                    against_baseline=differences.get(name),
                )
            )
    return results


def _differences(by_series: dict[str, pd.DataFrame], analysis: Analysis) -> dict[str, Difference]:
    """Paired by seed: the same seed means the same images held out and, but for the method, the same draws."""
    baseline, metric = analysis.baseline, analysis.metric
    if baseline not in by_series:
        return {}
    reference = by_series[baseline].set_index("seed")["headline"]
    margin = analysis.margin / metric.scale
    raw: dict[str, tuple[PairedEffect, float, Equivalence]] = {}
    for name, rows in by_series.items():
        if name == baseline:
            continue
        pairs = pd.concat([rows.set_index("seed")["headline"], reference], axis=1, join="inner")
        if len(pairs) > 1:
            one, other = (pairs.iloc[:, column].to_numpy(float) for column in (0, 1))
            effect = paired_effect(one, other, CONFIDENCE)
            raw[name] = (
                effect,
                _p_value(effect, one, other),
                equivalence(one, other, margin, 1 - CONFIDENCE),
            )
    corrected = holm([p_value for _, p_value, _ in raw.values()])
    return {
        name: Difference(effect, p_value, within, metric.better(effect.mean, 0.0))
        for (name, (effect, _, within)), p_value in zip(raw.items(), corrected, strict=True)
    }


def _p_value(
    effect: PairedEffect, values: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]
) -> float:
    """Of the two-sided paired t-test. Where the differences do not vary, its statistic is 0/0 or infinite."""
    if effect.low == effect.high:
        return 1.0 if np.allclose(values, reference, rtol=1e-12, atol=0.0) else 0.0
    differences = values - reference
    t = effect.mean * np.sqrt(effect.pairs) / differences.std(ddof=1)
    return float(2 * special.stdtr(effect.pairs - 1, -abs(t)))


def _std(values: pd.Series) -> float | None:
    return float(values.std()) if len(values) > 1 else None


def _learning(rows: pd.DataFrame) -> dict[str, str]:
    said = {column.heading: column.of(rows) for column in LEARNING_COLUMNS}
    return {heading: text for heading, text in said.items() if text is not None}


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction (Scand. J. Statist. 6, 65 (1979)) of p-values that are looked at together."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def score_over_time(analysis: Analysis) -> pd.DataFrame:
    """Mean and spread of the score per facet, series, compensation and time.

    The spread is the sample standard deviation over seeds; with one seed, over the repeats of programming.
    """
    grouped = analysis.drift.groupby(
        ["facet", "series", "compensation", "time_s"], sort=False, as_index=False
    )
    per_time = grouped.agg(
        score=("mean", "mean"),
        over_seeds=("mean", "std"),
        over_repeats=("std", "mean"),
        seeds=("seed", "nunique"),
    )
    std = per_time["over_seeds"].where(per_time["seeds"] > 1, per_time["over_repeats"])
    return per_time.assign(std=std.fillna(0.0)).drop(columns=["over_seeds", "over_repeats"])
