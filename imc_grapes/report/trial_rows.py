"""The rows of the page's table of trials, small enough for tens of thousands."""

from typing import Any

from imc_grapes.data.metric import Metric
from imc_grapes.report.analysis import Analysis
from imc_grapes.store.base_changes import leaves
from imc_grapes.summary import Summary

COLUMNS = (
    "trial",
    "method",
    "setting",
    "tuned",
    "seed",
    "status",
    "validation",
    "test",
    "headline",
    "seconds",
)


def trial_rows(analysis: Analysis) -> list[list[Any]]:
    """Per trial: a value per column of `COLUMNS`, then the keys in which its config differs from the base, then its
    error."""
    base = dict(leaves(analysis.sweep.base))
    metric = analysis.metric
    headline = dict(zip(analysis.trials["trial"], analysis.trials["headline"], strict=True))
    rows = []
    for trial in analysis.sweep.trials:
        summary: Summary | None = trial["summary"]
        last = headline[trial["hash"]]
        rows.append(
            [
                trial["hash"],
                trial["method"],
                trial["setting"],
                trial["tuned"],
                trial["seed"],
                trial["status"],
                _rounded(metric, summary.validation_score if summary else None),
                _rounded(metric, summary.score if summary else None),
                _rounded(metric, None if last is None or last != last else last),
                None if trial["seconds"] is None else round(trial["seconds"], 1),
                {
                    key: value
                    for key, value in leaves(trial["config"])
                    if base.get(key, _ABSENT) != value
                },
                trial["error"],
            ]
        )
    return rows


_ABSENT = object()


def _rounded(metric: Metric, score: float | None) -> float | None:
    return None if score is None else round(metric.shown(score), metric.digits + 1)
