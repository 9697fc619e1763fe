"""A progress bar per stage of a run, with the latest metrics beside it."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from imc_grapes.cli.stop_on_interrupt import StopFlag
from imc_grapes.data.metric import metric_named
from imc_grapes.experiment.listener import Listener
from imc_grapes.training.epoch_metrics import EpochMetrics


class ProgressListener(Listener):
    """Shows an experiment on a terminal; prints a line per epoch where there is none."""

    def __init__(self, console: Console, stop: StopFlag) -> None:
        self._console = console
        self._stop = stop
        self._stage: TaskID | None = None
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, steps: int, done: int = 0) -> None:
        """Begin a new bar."""
        self._stage = self._progress.add_task(name, total=steps, completed=done, note="")

    def step(self) -> None:
        """Move the running bar on."""
        if self._stage is not None:
            self._progress.advance(self._stage)

    def epoch(self, metrics: EpochMetrics) -> None:
        """Show how the training stands."""
        task = f"task {metrics.task}, " if metrics.task else ""
        note = (
            f"{task}epoch {metrics.epoch}: loss {metrics.train_loss:.4f}, "
            f"test {metric_named(metrics.metric).single(metrics.test_score)}"
        )
        if self._stage is not None:
            self._progress.update(self._stage, note=note)
        if not self._console.is_terminal:
            self._console.print(note, highlight=False, markup=False)

    def stop_requested(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._stop.raised
