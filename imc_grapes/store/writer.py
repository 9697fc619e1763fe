"""The one process that writes a store."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imc_grapes.config.identity import file_changes
from imc_grapes.store.base_changes import base_changes
from imc_grapes.store.database import open_for_writing
from imc_grapes.store.plan import SweepPlan, Trial
from imc_grapes.store.records import TrialResult
from kernels.errors import InputError


class StoreWriter:
    """Fills the results file of a directory; whoever uses it holds the directory's lock."""

    def __init__(self, directory: Path) -> None:
        """Open the results file in `directory`, or make it.

        Raises:
            InputError: the file is damaged, which is then kept under another name, or of another format.
        """
        self._connection = open_for_writing(directory)
        self._directory = directory

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file; with the last connection SQLite folds its write-ahead log in."""
        self._connection.close()

    def adopt(self, plan: SweepPlan, *, retry_failed: bool = False) -> None:
        """Make the store that of `plan`: keep what is there of it, and note what is to be run.

        Trials that the sweep file no longer holds keep their row, without a position. Trials that were running when
        an earlier sweep was killed are pending again.

        Args:
            plan: the sweep.
            retry_failed: failed trials are to be run again.

        Raises:
            InputError: the store was filled from another base config, or from other contents of the files that configs
                name; nothing is changed.
        """
        with self._transaction() as connection:
            stored = connection.execute("SELECT base FROM sweep").fetchone()
            if stored is not None:
                self._refuse_changes(
                    "of another base config", base_changes(json.loads(stored["base"]), plan.base)
                )
            files = {
                row["path"]: row["sha256"] for row in connection.execute("SELECT * FROM files")
            }
            self._refuse_changes("of other files", file_changes(files, plan.files))
            connection.executemany("INSERT OR IGNORE INTO files VALUES (?, ?)", plan.files.items())
            connection.execute("DELETE FROM sweep")
            connection.execute(
                "INSERT INTO sweep (name, question, source, base, axes, tune, baseline, margin) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    plan.name,
                    plan.question,
                    plan.source,
                    _json(plan.base),
                    _json(_axes(plan)),
                    plan.tune,
                    plan.baseline,
                    plan.margin,
                ),
            )
            connection.execute("UPDATE trials SET position = NULL")
            connection.executemany(
                "INSERT INTO trials (hash, position, status, method, setting, tuned, seed, coordinates, config) "
                "VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET "
                "position = excluded.position, method = excluded.method, setting = excluded.setting, "
                "tuned = excluded.tuned, coordinates = excluded.coordinates",
                map(_row, plan.trials),
            )
            again = "('running', 'failed')" if retry_failed else "('running')"
            connection.execute(
                "UPDATE trials SET status = 'pending', error = NULL, started = NULL, host = NULL, finished = NULL, "
                f"seconds = NULL WHERE status IN {again}"
            )

    def computed_on(self) -> set[tuple[str, int]]:
        """Device and number of threads of every trial of the sweep that is done."""
        rows = self._connection.execute(
            "SELECT DISTINCT coalesce(json_extract(summary, '$.device'), 'cpu') AS device, "
            "coalesce(json_extract(summary, '$.threads'), 1) AS threads "
            "FROM trials WHERE position IS NOT NULL AND status = 'done'"
        )
        return {(row["device"], row["threads"]) for row in rows}

    def pending(self) -> list[str]:
        """The hashes of the trials that are to be run, in the order of the sweep."""
        rows = self._connection.execute(
            "SELECT hash FROM trials WHERE position IS NOT NULL AND status = 'pending' ORDER BY position"
        )
        return [row["hash"] for row in rows]

    def counts(self) -> dict[str, int]:
        """How many trials of the sweep there are of each status."""
        rows = self._connection.execute(
            "SELECT status, count(*) AS n FROM trials WHERE position IS NOT NULL GROUP BY status"
        )
        return {row["status"]: row["n"] for row in rows}

    def started(self, trial_hash: str, host: str, moment: str) -> None:
        """Note that an attempt to run the trial has begun."""
        self._connection.execute(
            "UPDATE trials SET status = 'running', attempts = attempts + 1, host = ?, started = ? "
            "WHERE hash = ? AND status IN ('pending', 'running')",
            (host, moment, trial_hash),
        )

    def finished(self, trial_hash: str, result: TrialResult) -> None:
        """Keep what came of a trial."""
        self._connection.execute(
            "UPDATE trials SET status = ?, summary = ?, metrics = ?, measurements = ?, error = ?, started = ?, "
            "finished = ?, seconds = ?, host = ?, versions = ? WHERE hash = ?",
            (
                "done" if result.error is None else "failed",
                _json_or_null(result.summary and result.summary.as_dict()),
                _json_or_null(result.metrics),
                _json_or_null(result.measurements),
                result.error,
                result.started,
                result.finished,
                result.seconds,
                result.host,
                _json(result.versions),
                trial_hash,
            ),
        )

    def abandoned(self, trial_hashes: list[str]) -> None:
        """Note that trials that were running never finished."""
        self._connection.executemany(
            "UPDATE trials SET status = 'pending' WHERE hash = ? AND status = 'running'",
            [(trial_hash,) for trial_hash in trial_hashes],
        )

    def _refuse_changes(self, of_what: str, changes: list[str]) -> None:
        if changes:
            listed = "\n  ".join(changes)
            raise InputError(
                f"{self._directory}: holds results {of_what}:\n  {listed}\n"
                "they are not mixed: undo the change, or give another --out"
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _row(trial: Trial) -> tuple[Any, ...]:
    return (
        trial.hash,
        trial.position,
        trial.method,
        trial.setting,
        _json_or_null(trial.tuned),
        trial.config.seed,
        _json(trial.coordinates),
        _json(trial.config.model_dump(mode="json")),
    )


def _axes(plan: SweepPlan) -> list[dict[str, Any]]:
    return [
        {
            "name": axis.name,
            "role": axis.role,
            "choices": [choice.label for choice in axis.choices],
        }
        for axis in plan.axes
    ]


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _json_or_null(value: Any) -> str | None:
    return None if value is None else _json(value)
