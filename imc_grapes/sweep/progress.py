"""What the user sees while a sweep runs: a bar with counts and the best result so far, or lines in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from imc_grapes.data.metric import Metric
from imc_grapes.store.plan import Trial
from imc_grapes.store.records import TrialResult

_LOG_EVERY_S = 10.0
"""Between two lines where there is no terminal."""


class ProgressView:
    """Told by the coordinator, shows it on `console`."""

    def __init__(self, console: Console, total: int, done: int, failed: int) -> None:
        """`done` and `failed` of the `total` trials were over before."""
        self._console = console
        self._total, self._done, self._failed = total, done, failed
        self._running: set[str] = set()
        self._seconds: list[float] = []
        self._slots = 0
        self._best: tuple[Metric, float, str] | None = None
        self._stopping = ""
        self._logged = time.monotonic()
        self._bar = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
        )
        self._task = self._bar.add_task("", total=total, completed=done + failed)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the bar on the screen while inside; where there is no screen, print lines instead."""
        if self._console.is_terminal:
            with Live(get_renderable=self._lines, console=self._console, transient=True):
                yield
        else:
            yield

    def started(self, trial: Trial, host: str) -> None:
        """An attempt to run a trial has begun."""
        self._running.add(trial.hash)
        self._refresh()

    def finished(self, trial: Trial, result: TrialResult) -> None:
        """A trial is over."""
        self._running.discard(trial.hash)
        if result.error is None:
            self._done += 1
            self._seconds.append(result.seconds)
            self._note_score(trial, result)
        else:
            self._failed += 1
            self._console.print(
                Text(f"failed: {trial.label}: {result.error.splitlines()[0]}", style="red")
            )
        self._refresh()

    def waiting(self, slots: int) -> None:
        """How many trials can run at once."""
        self._slots = slots
        self._refresh()

    def stopping(self, requests: int) -> None:
        """The user asked to stop."""
        left = len(self._running)
        self._stopping = (
            "stopping" if requests > 1 else f"finishing {left} running, Ctrl-C again to leave them"
        )
        self._refresh()

    def _note_score(self, trial: Trial, result: TrialResult) -> None:
        metric = trial.config.data.metric
        score = result.summary.validation_score if result.summary else None
        if score is not None and (self._best is None or metric.better(score, self._best[1])):
            self._best = (metric, score, trial.label)

    def _refresh(self) -> None:
        over = self._done + self._failed
        if self._console.is_terminal:
            self._bar.update(self._task, completed=over, description=self._status())
        elif time.monotonic() - self._logged > _LOG_EVERY_S:
            self._logged = time.monotonic()
            self._console.print(
                f"{over}/{self._total} trials, {self._status()}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def _lines(self) -> Group:
        best = ""
        if self._best is not None:
            metric, score, label = self._best
            best = f"best on validation so far: {metric.single(score)}, {label}"
        return Group(self._bar, Text(best, overflow="ellipsis", no_wrap=True))

    def _status(self) -> str:
        parts = [f"{len(self._running)} running"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        if self._stopping:
            parts.append(self._stopping)
        elif self._slots == 0:
            parts.append("waiting for workers")
        elif self._seconds:
            left = self._total - self._done - self._failed
            seconds = left * sum(self._seconds) / len(self._seconds) / self._slots
            parts.append(f"{duration(seconds)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """``42 s``, ``7 min``, ``3.2 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
