"""What a run found, as a table to read."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imc_grapes.config.hardware_words import COMPENSATIONS
from imc_grapes.data.metric import Metric, metrics_beside
from imc_grapes.experiment.outcome import Outcome
from imc_grapes.pictures.quantities import bytes_in_words, large_number, time_in_words
from imc_grapes.summary import DriftPoint, Wear


def print_outcome(outcome: Outcome, folder: Path, console: Console) -> None:
    """Print the test score, that of every task, the accuracy over time, and the update memory; say where the files
    are."""
    summary, metric = outcome.result, outcome.result.measured_by
    said = [f"test {metric.single(summary.score)}"]
    for beside in metrics_beside(metric):
        score = summary.scores.get(f"test_{beside.name}")
        if score is not None:
            said.append(beside.single(score))
    if summary.optimizer_state_bytes is not None:
        said.append(f"update state {bytes_in_words(summary.optimizer_state_bytes)}")
    untrained = " (not trained)" if summary.epoch == 0 else ""
    console.print(Text(f"{summary.name}{untrained}: {', '.join(said)}"))
    if summary.task_accuracies is not None:
        console.print(_task_table(metric, summary.task_accuracies))
    if summary.forgetting is not None:
        console.print(f"forgetting {metric.signed(summary.forgetting)} points", highlight=False)
    if summary.drift:
        if summary.hardware is not None:
            console.print(Text(f"On {summary.hardware}"))
        console.print(_drift_table(metric, summary.drift))
    if summary.no_drift_why:
        console.print(Text(f"No test at a later time: {summary.no_drift_why}"))
    missed = {kind: n for kind, n in (summary.missed_writes or {}).items() if n}
    for kind, pairs in missed.items():
        console.print(
            f"{pairs} pairs were left beside their weights by a {kind}: max_pulses did not suffice",
            highlight=False,
        )
    if summary.wear is not None:
        console.print(Text(_wear(summary.wear)))
    if summary.reproducible and (summary.threads or 1) > 1:
        console.print(Text(f"Computed with --threads {summary.threads}: others give other bits"))
    console.print(Text(f"Everything is in {folder}"), soft_wrap=True)


def _wear(wear: Wear) -> str:
    sets, resets, first = wear.set_pulses, wear.reset_pulses, wear.lifetime_updates_largest
    lasts = (
        ""
        if first is None
        else f"; the first device is worn out after {large_number(first.low)} to {large_number(first.high)} updates at "
        "this rate"
    )
    return (
        f"A device has had {sets.mean:.3g} SET and {resets.mean:.3g} RESET pulses on average, {sets.largest:,} and "
        f"{resets.largest:,} at most{lasts}"
    )


def _task_table(metric: Metric, accuracies: Sequence[Sequence[float]]) -> Table:
    table = Table(title=f"Test {metric.heading} on every task")
    table.add_column("after task")
    for task in range(1, len(accuracies) + 1):
        table.add_column(str(task), justify="right")
    for trained, row in enumerate(accuracies, 1):
        table.add_row(str(trained), *(metric.number(score, more_digits=1) for score in row))
    return table


def _drift_table(metric: Metric, points: Sequence[DriftPoint]) -> Table:
    compensations = list(dict.fromkeys(point.compensation for point in points))
    table = Table(title=f"Test {metric.heading} after programming")
    table.add_column("time")
    for compensation in compensations:
        table.add_column(COMPENSATIONS[compensation], justify="right")
    by_time = {(point.time_s, point.compensation): point for point in points}
    for time_s in dict.fromkeys(point.time_s for point in points):
        row = [by_time[time_s, compensation] for compensation in compensations]
        cells = (metric.number(point.mean, point.std, 1) for point in row)
        table.add_row(time_in_words(time_s), *cells)
    return table
