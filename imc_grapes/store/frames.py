"""A store as tidy data frames."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from imc_grapes.store.reader import StoredSweep, read_sweep

Level = Literal["trials", "drift", "epochs", "tasks"]

_IDENTITY = ("trial", "method", "setting", "tuned", "seed")


def load_results(directory: str | Path, level: Level = "trials") -> pd.DataFrame:
    """What the sweep in `directory` has found so far.

    Args:
        directory: the sweep's --out.
        level: what a row is: a trial; a time since programming of a finished trial; an epoch of one; or, of one that
            learned several tasks, the accuracy on a task after another was trained.

    Raises:
        InputError: there is no sweep, or its file is damaged.
    """
    return frame_of(read_sweep(Path(directory)), level)


def frame_of(sweep: StoredSweep, level: Level = "trials") -> pd.DataFrame:
    """Like `load_results`, of a sweep that has been read."""
    if level == "trials":
        return _trials(sweep)
    part = {"drift": _drift_rows, "epochs": _epoch_rows, "tasks": _task_rows}[level]
    return pd.DataFrame([row for trial in sweep.with_status("done") for row in part(trial)])


def _trials(sweep: StoredSweep) -> pd.DataFrame:
    axes = [axis["name"] for axis in sweep.axes]
    rows = [_trial_row(trial, axes) for trial in sweep.trials]
    return pd.DataFrame(rows)


def _trial_row(trial: dict[str, Any], axes: list[str]) -> dict[str, Any]:
    summary = trial["summary"].as_dict() if trial["summary"] else {}
    return {
        **_identity(trial),
        **{axis: trial["coordinates"].get(axis) for axis in axes},
        "status": trial["status"],
        **{key: value for key, value in summary.items() if _is_column(key, value)},
        "error": trial["error"],
        "attempts": trial["attempts"],
        "seconds": trial["seconds"],
        "started": trial["started"],
        "finished": trial["finished"],
        "host": trial["host"],
    }


def _is_column(key: str, value: Any) -> bool:
    """Names and seeds stand in the identity; what is nested has frames of its own."""
    return key not in ("name", "seed", "config_hash") and not isinstance(value, dict | list)


def _identity(trial: dict[str, Any]) -> dict[str, Any]:
    return {name: trial["hash" if name == "trial" else name] for name in _IDENTITY}


def _drift_rows(trial: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**_identity(trial), **point.model_dump(exclude_unset=True)}
        for point in trial["summary"].drift
    ]


def _epoch_rows(trial: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **_identity(trial),
            **{key: value for key, value in epoch.items() if _is_column(key, value)},
        }
        for epoch in trial["metrics"] or []
    ]


def _task_rows(trial: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**_identity(trial), "after_task": after, "task": task, "accuracy": accuracy}
        for after, row in enumerate(trial["summary"].task_accuracies or [], 1)
        for task, accuracy in enumerate(row, 1)
    ]
