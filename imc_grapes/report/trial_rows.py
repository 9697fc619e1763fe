"""The rows of the page's table of trials, small enough for tens of thousands."""

from typing import Any

from imc_grapes.report.analysis import Analysis
from imc_grapes.store.base_changes import leaves

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
    headline = dict(zip(analysis.trials["trial"], analysis.trials["headline"], strict=True))
    rows = []
    for trial in analysis.sweep.trials:
        summary = trial["summary"] or {}
        last = headline[trial["hash"]]
        rows.append(
            [
                trial["hash"],
                trial["method"],
                trial["setting"],
                trial["tuned"],
                trial["seed"],
                trial["status"],
                _percent(summary.get("validation_accuracy")),
                _percent(summary.get("test_accuracy")),
                _percent(None if last is None or last != last else last),
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


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 2)
