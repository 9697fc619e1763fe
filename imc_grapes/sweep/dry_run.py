"""What a sweep would do, and how long it would take."""

from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imc_grapes.store.plan import SweepPlan, Trial
from imc_grapes.store.reader import read_sweep
from imc_grapes.store.tables import FILE_NAME
from imc_grapes.sweep.attempt import attempt
from imc_grapes.sweep.progress import duration
from imc_grapes.sweep.trial import run


def print_dry_run(
    plan: SweepPlan,
    directory: Path,
    workers: int,
    data_dir: Path | None,
    console: Console,
    *,
    device: Literal["cpu", "cuda"] = "cpu",
    threads: int = 1,
) -> None:
    """List the trials of `plan`, and estimate their time from the first one, which is run; nothing is kept.

    Where `directory` holds finished trials of the sweep, the estimate is from those.
    """
    stored = _stored(directory)
    table = Table(title=Text(f"{len(plan.trials)} trials of {plan.name}"), title_justify="left")
    for heading in ("trial", "method", "setting", plan.tune or "tuned", "seed", "status"):
        table.add_column(Text(heading))
    for trial in plan.trials:
        table.add_row(*map(Text, _cells(trial, stored)))
    console.print(table)
    todo = [trial for trial in plan.trials if _status(trial, stored) not in ("done", "failed")]
    if not todo:
        console.print("Nothing is left to run.")
        return
    seconds = [stored[trial.hash][1] for trial in plan.trials if _status(trial, stored) == "done"]
    if seconds:
        each = sum(seconds) / len(seconds)
        source = f"the {len(seconds)} that are done took {each:.1f} s each"
    else:
        with console.status(Text(f"Running one trial to see how long it takes: {todo[0].label}")):
            first = attempt(
                lambda: todo[0].config, data_dir, partial(run, device=device, threads=threads)
            )
        if first.error:
            console.print(Text(f"The first trial failed: {first.error.splitlines()[0]}"))
            return
        each, source = first.seconds, f"the first one took {first.seconds:.1f} s"
    total = duration(each * len(todo) / min(workers, len(todo)))
    console.print(
        f"{len(todo)} trials to run, about {total} on {workers} workers: {source}.",
        highlight=False,
    )


def _stored(directory: Path) -> dict[str, tuple[str, float]]:
    """Status and seconds of the trials that a store has."""
    if not (directory / FILE_NAME).exists():
        return {}
    return {
        trial["hash"]: (trial["status"], trial["seconds"] or 0.0)
        for trial in read_sweep(directory).trials
    }


def _status(trial: Trial, stored: dict[str, tuple[str, float]]) -> str:
    return stored.get(trial.hash, ("to run", 0.0))[0]


def _cells(trial: Trial, stored: dict[str, tuple[str, float]]) -> list[str]:
    tuned = "" if trial.tuned is None else str(trial.tuned)
    status = _status(trial, stored)
    return [trial.hash, trial.method, trial.setting, tuned, str(trial.config.seed), status]
