"""What a run found, as a table to read."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from imc_grapes.experiment.outcome import Outcome
from imc_grapes.words import bytes_in_words, time_in_words


def print_outcome(outcome: Outcome, folder: Path, console: Console) -> None:
    """Print the test accuracy, the accuracy over time, and the update memory; say where the files are."""
    summary = outcome.summary
    console.print(
        f"{summary['name']}: test accuracy {100 * summary['test_accuracy']:.2f} %, "
        f"update state {bytes_in_words(summary['optimizer_state_bytes'])}",
        highlight=False,
    )
    if summary["drift"]:
        console.print(_drift_table(summary["drift"]))
    console.print(f"Everything is in {folder}", highlight=False, soft_wrap=True)


def _drift_table(points: list[dict[str, Any]]) -> Table:
    compensations = list(dict.fromkeys(point["compensation"] for point in points))
    table = Table(title="Test accuracy after programming, %")
    table.add_column("time")
    for compensation in compensations:
        heading = "no compensation" if compensation == "none" else "global drift compensation"
        table.add_column(heading, justify="right")
    found = {(point["time_s"], point["compensation"]): point for point in points}
    for time_s in dict.fromkeys(point["time_s"] for point in points):
        row = [found[time_s, compensation] for compensation in compensations]
        cells = (f"{100 * point['mean']:.2f} ± {100 * point['std']:.2f}" for point in row)
        table.add_row(time_in_words(time_s), *cells)
    return table
