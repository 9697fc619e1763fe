"""Mean, spread, and paired tests against the baseline."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from imc_grapes.report.analysis import Analysis

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """What a paired t-test over seeds says of a method and the baseline; accuracies are fractions."""

    mean: float
    low: float
    high: float
    """Ends of the 95 % confidence interval of the mean difference."""
    p_value: float
    """Holm-corrected over the methods that are tested on the same hardware."""
    pairs: int

    @property
    def is_clear(self) -> bool:
        """Whether a difference was shown."""
        return self.p_value < 1 - CONFIDENCE


@dataclass(frozen=True)
class Standing:
    """One method on one hardware."""

    series: str
    facet: str
    mean: float
    """Headline accuracy, a fraction, over seeds."""
    std: float | None
    """Sample standard deviation over seeds; None with one seed."""
    seeds: int
    state_bytes: int
    tuned: object
    against_baseline: Difference | None


def standings(analysis: Analysis) -> list[Standing]:
    """Every method on every hardware, in the order of the sweep."""
    found: list[Standing] = []
    for facet, on_facet in analysis.chosen.groupby("facet", sort=False):
        by_series = dict(iter(on_facet.groupby("series", sort=False)))
        differences = _differences(by_series, analysis.baseline)
        for name in analysis.series:
            if name not in by_series:
                continue
            rows = by_series[name]
            found.append(
                Standing(
                    series=name,
                    facet=str(facet),
                    mean=float(rows["headline"].mean()),
                    std=float(rows["headline"].std()) if len(rows) > 1 else None,
                    seeds=len(rows),
                    state_bytes=int(rows["optimizer_state_bytes"].iloc[0]),
                    tuned=rows["tuned"].iloc[0],
                    against_baseline=differences.get(name),
                )
            )
    return found


def _differences(by_series: dict[str, pd.DataFrame], baseline: str) -> dict[str, Difference]:
    """Paired by seed: the same seed means the same images held out and, but for the method, the same draws."""
    if baseline not in by_series:
        return {}
    reference = by_series[baseline].set_index("seed")["headline"]
    raw: dict[str, Difference] = {}
    for name, rows in by_series.items():
        if name == baseline:
            continue
        pairs = pd.concat([rows.set_index("seed")["headline"], reference], axis=1, join="inner")
        if len(pairs) > 1:
            raw[name] = _paired(pairs.iloc[:, 0].to_numpy(float), pairs.iloc[:, 1].to_numpy(float))
    corrected = holm([difference.p_value for difference in raw.values()])
    return {
        name: Difference(found.mean, found.low, found.high, p_value, found.pairs)
        for (name, found), p_value in zip(raw.items(), corrected, strict=True)
    }


def _paired(values: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> Difference:
    differences = values - reference
    mean = float(differences.mean())
    if np.ptp(differences) == 0.0:
        # No spread at all: the t statistic is 0/0 or infinite.
        return Difference(mean, mean, mean, 1.0 if mean == 0.0 else 0.0, len(values))
    test = stats.ttest_rel(values, reference)
    interval = test.confidence_interval(CONFIDENCE)
    return Difference(
        mean, float(interval.low), float(interval.high), float(test.pvalue), len(values)
    )


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction (Scand. J. Statist. 6, 65 (1979)) of p-values that are looked at together."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def accuracy_over_time(analysis: Analysis) -> pd.DataFrame:
    """Mean and spread of the accuracy per facet, series, compensation and time.

    The spread is the sample standard deviation over seeds; with one seed, over the repeats of programming.
    """
    grouped = analysis.drift.groupby(
        ["facet", "series", "compensation", "time_s"], sort=False, as_index=False
    )
    found = grouped.agg(
        accuracy=("mean", "mean"),
        over_seeds=("mean", "std"),
        over_repeats=("std", "mean"),
        seeds=("seed", "nunique"),
    )
    std = found["over_seeds"].where(found["seeds"] > 1, found["over_repeats"])
    return found.assign(std=std.fillna(0.0)).drop(columns=["over_seeds", "over_repeats"])
