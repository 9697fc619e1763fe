"""A whole sweep: lock the directory, run what is missing, say what came of it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from imc_grapes.store.lock import exclusive
from imc_grapes.store.plan import SweepPlan
from imc_grapes.store.writer import StoreWriter
from imc_grapes.sweep.cluster import Workers, local_workers, workers_of
from imc_grapes.sweep.coordinator import Coordinator
from imc_grapes.sweep.fork_server import needed_modules
from imc_grapes.sweep.progress import ProgressView
from imc_grapes.sweep.stop_request import StopRequest
from imc_grapes.sweep.trial import Runner, run
from kernels.errors import InputError


@dataclass(frozen=True)
class SweepEnd:
    """How a sweep ended."""

    done: int
    failed: int
    pending: int
    ran: int
    """Trials that were run now, rather than found in the store."""
    interrupted: bool


def run_sweep(
    plan: SweepPlan,
    directory: Path,
    console: Console,
    *,
    workers: int,
    scheduler: str | None = None,
    data_dir: Path | None = None,
    retry_failed: bool = False,
    runner: Runner = run,
) -> SweepEnd:
    """Run every trial of `plan` that the store in `directory` does not have yet.

    Args:
        plan: the trials.
        directory: where the store is, or is to be; made if it is not there.
        console: shows progress.
        workers: processes on this machine, unless there is a `scheduler`.
        scheduler: address of a running Dask scheduler.
        data_dir: searched first for data files.
        retry_failed: run failed trials again too.
        runner: what makes an outcome of a config.

    Raises:
        InputError: another sweep runs in `directory`, its results file is damaged or belongs to another base config or
            to other files, nobody answers at `scheduler`, or resources are asked of local workers.
        LostClusterError: the scheduler went away.
    """
    if plan.resources and scheduler is None:
        raise InputError("resources: only workers that a --scheduler brings can offer them")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made: {error.strerror}") from None
    with exclusive(directory), StoreWriter(directory) as store:
        store.adopt(plan, retry_failed=retry_failed)
        before = store.counts()
        todo = len(store.pending())
        stop = StopRequest(lambda requests: view.stopping(requests))
        view = ProgressView(
            console, len(plan.trials), before.get("done", 0), before.get("failed", 0)
        )
        if todo:
            with (
                _workers(scheduler, min(workers, todo), plan) as cluster,
                stop.listening(),
                view.shown(),
            ):
                Coordinator(
                    cluster, plan, store, view, stop, data_dir=data_dir, runner=runner
                ).run()
        after = store.counts()
        left = len(store.pending())
        return SweepEnd(
            done=after.get("done", 0),
            failed=after.get("failed", 0),
            pending=left,
            ran=todo - left,
            interrupted=bool(stop),
        )


def _workers(
    scheduler: str | None, workers: int, plan: SweepPlan
) -> AbstractContextManager[Workers]:
    if scheduler is not None:
        return workers_of(scheduler)
    return local_workers(workers, needed_modules([trial.config for trial in plan.trials]))
