"""A whole sweep: lock the directory, run what is missing, say what came of it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console

from imc_grapes.lock import exclusive
from imc_grapes.store.plan import SweepPlan
from imc_grapes.store.writer import StoreWriter
from imc_grapes.sweep.cluster import Certificates, Workers, local_workers, workers_of
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
    certificates: Certificates | None = None,
    data_dir: Path | None = None,
    retry_failed: bool = False,
    device: Literal["cpu", "cuda"] = "cpu",
    threads: int = 1,
    runner: Runner | None = None,
) -> SweepEnd:
    """Run every trial of `plan` that the store in `directory` does not have yet.

    Args:
        plan: the trials.
        directory: where the store is, or is to be; made if it is not there.
        console: shows progress.
        workers: processes on this machine, unless there is a `scheduler`.
        scheduler: address of a running Dask scheduler.
        certificates: for a scheduler at tls://; None for those that Dask's own configuration names.
        data_dir: searched first for data files.
        retry_failed: run failed trials again too.
        device: that every trial is computed on.
        threads: of every trial.
        runner: what makes an outcome of a config; None for a run on that device and so many threads.

    Raises:
        InputError: another sweep runs in `directory`, its results file is damaged or belongs to another base config, to
            other files, or to another device or number of threads; nobody answers at `scheduler`, or resources are
            asked of local workers.
        LostClusterError: the scheduler went away.
    """
    if plan.resources and scheduler is None:
        raise InputError("resources: only workers that a --scheduler brings can offer them")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made: {error.strerror}") from None
    with exclusive(directory), StoreWriter(directory) as store:
        _refuse_others(store, directory, device, threads)
        store.adopt(plan, retry_failed=retry_failed)
        before = store.counts()
        todo = len(store.pending())
        stop = StopRequest(lambda requests: view.stopping(requests))
        view = ProgressView(
            console, len(plan.trials), before.get("done", 0), before.get("failed", 0)
        )
        if todo:
            with (
                _workers(scheduler, certificates, min(workers, todo), threads, plan) as cluster,
                stop.listening(),
                view.shown(),
            ):
                Coordinator(
                    cluster,
                    plan,
                    store,
                    view,
                    stop,
                    data_dir=data_dir,
                    runner=runner or partial(run, device=device, threads=threads),
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
    scheduler: str | None,
    certificates: Certificates | None,
    workers: int,
    threads: int,
    plan: SweepPlan,
) -> AbstractContextManager[Workers]:
    if scheduler is not None:
        return workers_of(scheduler, certificates)
    modules = needed_modules([trial.config for trial in plan.trials])
    return local_workers(workers, modules, threads)


def _refuse_others(store: StoreWriter, directory: Path, device: str, threads: int) -> None:
    """Trials side by side in a report are computed alike, so that a seed is the same draw in all of them."""
    for other in store.computed_on() - {(device, threads)}:
        raise InputError(
            f"{directory}: its trials were computed with --device {other[0]} --threads {other[1]} (this is --device "
            f"{device} --threads {threads}); use the same, or choose another --out"
        )
