"""Where trials run: worker processes on this machine, or a Dask scheduler that already runs."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.comm.addressing import parse_address, parse_host_port

from imc_grapes.sweep.fork_server import start_fork_server
from kernels.errors import InputError

RERUNS_AFTER_WORKER_DEATH = 2

_CONNECT_S = 10
_THREADS_OF = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Workers:
    """The workers that trials are handed to."""

    client: Client
    local: LocalCluster | None = None
    """Where we started them ourselves, and so have to replace the lost ones."""
    count: int = 0
    """How many we started."""

    def slots(self, resources: dict[str, float]) -> int:
        """How many trials can run at once; asks for new workers where our own are missing."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        if self.local is not None and len(workers) < self.count:
            self.local.scale(self.count)
        return sum(_slots_of(worker, resources) for worker in workers)


@contextmanager
def local_workers(count: int, modules: list[str], threads: int = 1) -> Iterator[Workers]:
    """`count` processes for a trial each, which end with this process, however it ends.

    Args:
        count: how many.
        modules: what they find imported.
        threads: that libraries may use in a process.
    """
    environment = dict.fromkeys(_THREADS_OF, str(threads))
    settings = {
        "distributed.scheduler.allowed-failures": RERUNS_AFTER_WORKER_DEATH,
        "distributed.nanny.environ": environment,
        "distributed.worker.multiprocessing-method": "forkserver",
        # A dead worker is started again by its nanny. One that has not come back after this time, because it was
        # asked to end or the nanny failed, is given up, and `Workers.slots` replaces it.
        "distributed.deploy.lost-worker-timeout": "60 s",
    }
    with (
        dask.config.set(settings),
        _no_interrupts_for_children(),
        _forked_from(modules, environment),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            dashboard_address="localhost:0",
            silence_logs=logging.CRITICAL,
            env=environment,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield Workers(client, cluster, count)


@contextmanager
def workers_of(address: str) -> Iterator[Workers]:
    """The workers of the scheduler at `address`.

    Raises:
        InputError: nobody answers there.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        parse_host_port(parse_address(address)[1])
    except ValueError as error:
        message = f"--scheduler {address}: must be an address such as tcp://10.0.0.1:8786: {error}"
        raise InputError(message) from None
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        message = f"--scheduler {address}: no Dask scheduler answers there: {error}"
        raise InputError(message) from None
    with client:
        yield Workers(client)


def _slots_of(worker: dict[str, Any], resources: dict[str, float]) -> int:
    offered = worker.get("resources") or {}
    fits = [int(offered.get(name, 0) // amount) for name, amount in resources.items()]
    return min([int(worker["nthreads"]), *fits])


@contextmanager
def _forked_from(modules: list[str], environment: dict[str, str]) -> Iterator[None]:
    start_fork_server(modules, environment)
    yield


@contextmanager
def _no_interrupts_for_children() -> Iterator[None]:
    """Block SIGINT while threads are made: they, and the workers they start, keep it blocked.

    Otherwise Ctrl-C in a terminal would reach the workers and end the trials that are to be finished. The resource
    tracker of multiprocessing is started first, since its start unblocks SIGINT in the thread that needs it.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
