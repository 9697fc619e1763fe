"""Read a store, also while a sweep fills it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from imc_grapes.data.base import DATA
from imc_grapes.data.metric import ACCURACY, Metric
from imc_grapes.store.database import open_for_reading
from imc_grapes.summary import Summary
from kernels.errors import InputError

_JSON_COLUMNS = (
    "tuned",
    "coordinates",
    "config",
    "summary",
    "metrics",
    "measurements",
    "versions",
)


@dataclass(frozen=True)
class StoredSweep:
    """Everything a results file holds of the sweep that it was last used for."""

    name: str
    question: str | None
    source: str
    base: dict[str, Any]
    axes: list[dict[str, Any]]
    tune: str | None
    baseline: str
    margin: float | None
    """Of equivalence, as the metric is shown; None: the metric's own."""
    trials: list[dict[str, Any]]
    """One dict per trial, in the order of the sweep, with the columns of the table, JSON decoded, its `Summary`."""

    @property
    def metric(self) -> Metric:
        """What all trials are measured by, as the results say, or, while there are none, the data set."""
        for trial in self.trials:
            if trial["summary"]:
                summary: Summary = trial["summary"]
                return summary.measured_by
        name = self.base["data"]["name"]
        return DATA[name].metric if name in DATA else ACCURACY

    def with_status(self, status: str) -> list[dict[str, Any]]:
        """The trials of that status."""
        return [trial for trial in self.trials if trial["status"] == status]


def read_sweep(directory: Path) -> StoredSweep:
    """The sweep in `directory` as it stands.

    Raises:
        InputError: there is none, or its file is damaged.
    """
    connection = open_for_reading(directory)
    try:
        connection.execute("BEGIN")
        sweep = connection.execute("SELECT * FROM sweep").fetchone()
        rows = connection.execute(
            "SELECT * FROM trials WHERE position IS NOT NULL ORDER BY position"
        )
        trials = [_decoded(dict(row), directory) for row in rows]
    finally:
        connection.close()
    if sweep is None:
        raise InputError(f"{directory}: holds an empty results file; no sweep has begun there")
    return StoredSweep(
        name=sweep["name"],
        question=sweep["question"],
        source=sweep["source"],
        base=json.loads(sweep["base"]),
        axes=json.loads(sweep["axes"]),
        tune=sweep["tune"],
        baseline=sweep["baseline"],
        margin=dict(sweep).get("margin"),
        trials=trials,
    )


def _decoded(row: dict[str, Any], directory: Path) -> dict[str, Any]:
    for column in _JSON_COLUMNS:
        if row[column] is not None:
            row[column] = from_json(row[column])
    if row["summary"] is not None:
        row["summary"] = Summary.of(row["summary"], f"{directory}: trial {row['hash']}")
    return row
