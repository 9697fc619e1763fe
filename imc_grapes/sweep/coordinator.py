"""Hands trials to workers and writes what comes back; the only process that touches the store."""

import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from distributed import Future, KilledWorker

from imc_grapes.config.versions import versions
from imc_grapes.store.plan import SweepPlan, Trial
from imc_grapes.store.records import TrialResult, now
from imc_grapes.store.writer import StoreWriter
from imc_grapes.sweep.cluster import RERUNS_AFTER_WORKER_DEATH, Workers
from imc_grapes.sweep.stop_request import StopRequest
from imc_grapes.sweep.trial import STARTED, Runner, SentConfig, run, run_trial

_LOOK_UP_EVERY_S = 0.5
_WORKER_DIED = (
    f"the worker process that ran it died {RERUNS_AFTER_WORKER_DEATH + 1} times, "
    "for want of memory or killed from outside"
)


class LostClusterError(RuntimeError):
    """The Dask scheduler has gone away."""


class Watcher(Protocol):
    """Who is told of the progress of a sweep."""

    def started(self, trial: Trial, host: str) -> None:
        """An attempt to run a trial has begun."""

    def finished(self, trial: Trial, result: TrialResult) -> None:
        """A trial is over."""

    def waiting(self, slots: int) -> None:
        """How many trials can run at once, looked up twice a second."""


@dataclass(frozen=True)
class _Started:
    trial_hash: str
    host: str
    moment: str


@dataclass(frozen=True)
class _Ended:
    trial_hash: str
    future: Future


class Coordinator:
    """Runs the pending trials of one store on one cluster."""

    def __init__(
        self,
        workers: Workers,
        plan: SweepPlan,
        store: StoreWriter,
        watcher: Watcher,
        stop: StopRequest,
        *,
        data_dir: Path | None = None,
        runner: Runner = run,
    ) -> None:
        """`runner` is what a worker calls to make an outcome of a config; it must be picklable."""
        self._workers = workers
        self._client = workers.client
        self._plan = plan
        self._store = store
        self._watcher = watcher
        self._stop = stop
        self._data_dir = data_dir
        self._runner = runner
        self._inbox: queue.SimpleQueue[_Started | _Ended] = queue.SimpleQueue()
        self._trials = {trial.hash: trial for trial in plan.trials}
        self._running: dict[str, Future] = {}
        self._starts: dict[str, int] = {}

    def run(self) -> None:
        """Run what is pending, until it is done or a stop is asked for.

        As many trials are handed out as can run at once: no trial waits at a worker, where the death of another
        would count against it, and a stop leaves little to wait for.

        Raises:
            LostClusterError: the scheduler has gone away; what was running is pending again.
        """
        self._client.subscribe_topic(STARTED, self._on_started)
        waiting = iter(self._store.pending())
        try:
            for free in self._free_slots():
                if not self._stop:
                    self._hand_out(waiting, free)
                if not self._running or self._stop.at_once:
                    break
                self._read_inbox()
        finally:
            self._abandon()
            self._client.unsubscribe_topic(STARTED)

    def _free_slots(self) -> Iterator[int]:
        looked_up, total = 0.0, 0
        while True:
            if time.monotonic() - looked_up >= _LOOK_UP_EVERY_S:
                total, looked_up = self._workers.slots(self._plan.resources), time.monotonic()
                self._watcher.waiting(total)
            yield max(total - len(self._running), 0)

    def _hand_out(self, waiting: Iterator[str], free: int) -> None:
        # With no worker there yet, one trial is handed out all the same and waits for the first.
        for _ in range(free if self._running else max(free, 1)):
            trial_hash = next(waiting, None)
            if trial_hash is None:
                return
            trial = self._trials[trial_hash]
            future = self._client.submit(
                run_trial,
                SentConfig.of(trial),
                self._data_dir,
                self._runner,
                key=f"trial-{trial_hash}-{time.monotonic_ns()}",
                resources=self._plan.resources or None,
                pure=False,
            )
            self._running[trial_hash] = future
            future.add_done_callback(
                lambda ended, trial_hash=trial_hash: self._inbox.put(_Ended(trial_hash, ended))
            )

    def _on_started(self, event: tuple[float, dict[str, Any]]) -> None:
        told = event[1]
        self._inbox.put(_Started(told["hash"], told["host"], told["moment"]))

    def _read_inbox(self) -> None:
        try:
            message = self._inbox.get(timeout=_LOOK_UP_EVERY_S)
        except queue.Empty:
            return
        if message.trial_hash not in self._running:
            return
        if isinstance(message, _Started):
            self._note_start(message)
        else:
            self._note_end(message)

    def _note_start(self, message: _Started) -> None:
        """Also counts attempts, for schedulers whose own limit on deaths is higher than ours."""
        self._starts[message.trial_hash] = self._starts.get(message.trial_hash, 0) + 1
        if self._starts[message.trial_hash] > RERUNS_AFTER_WORKER_DEATH + 1:
            self._running[message.trial_hash].cancel(force=True)
            self._keep(message.trial_hash, _failure(_WORKER_DIED))
            return
        self._store.started(message.trial_hash, message.host, message.moment)
        self._watcher.started(self._trials[message.trial_hash], message.host)

    def _note_end(self, message: _Ended) -> None:
        future = message.future
        if future.status == "finished":
            self._keep(message.trial_hash, _of_the_trial(message.trial_hash, future.result()))
        elif future.status == "error":
            error = future.exception()
            died = isinstance(error, KilledWorker)
            text = _WORKER_DIED if died else f"{type(error).__name__}: {error}"
            self._keep(message.trial_hash, _failure(text))
        else:
            raise LostClusterError("the Dask scheduler has gone away")

    def _keep(self, trial_hash: str, result: TrialResult) -> None:
        self._store.finished(trial_hash, result)
        del self._running[trial_hash]
        self._watcher.finished(self._trials[trial_hash], result)

    def _abandon(self) -> None:
        self._store.abandoned(list(self._running))
        for future in self._running.values():
            future.cancel(force=True)


def _of_the_trial(trial_hash: str, result: TrialResult) -> TrialResult:
    """`result`, unless it is that of another config: the worker saw other contents of a file than the coordinator."""
    ran = result.summary and result.summary.config_hash
    if ran in (None, trial_hash):
        return result
    return replace(
        result,
        summary=None,
        metrics=None,
        measurements=None,
        error="a file that its config names was changed after the sweep began, or is another on the worker",
    )


def _failure(error: str) -> TrialResult:
    moment = now()
    return TrialResult(
        started=moment, finished=moment, seconds=0.0, host="", versions=versions(), error=error
    )
