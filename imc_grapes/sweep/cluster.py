"""Where trials run: worker processes on this machine, or a Dask scheduler that already runs."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from kernels.errors import InputError

RERUNS_AFTER_WORKER_DEATH = 2

_CONNECT_S = 10
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}


@contextmanager
def local_cluster(workers: int) -> Iterator[Client]:
    """A client of `workers` processes of one thread each, which end with this process, however it ends."""
    settings = {
        "distributed.scheduler.allowed-failures": RERUNS_AFTER_WORKER_DEATH,
        "distributed.nanny.environ": _ONE_THREAD,
    }
    with (
        dask.config.set(settings),
        _no_interrupts_for_children(),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
            env=_ONE_THREAD,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield client


@contextmanager
def running_cluster(address: str) -> Iterator[Client]:
    """A client of the scheduler at `address`.

    Raises:
        InputError: nobody answers there.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler {address}: no Dask scheduler answers there: {error}"
        ) from None
    with client:
        yield client


def slots(client: Client, resources: dict[str, float]) -> int:
    """How many trials the cluster can run at once."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return sum(_slots_of(worker, resources) for worker in workers)


def _slots_of(worker: dict[str, object], resources: dict[str, float]) -> int:
    threads = int(str(worker["nthreads"]))
    offered = worker.get("resources") or {}
    assert isinstance(offered, dict)
    fits = [int(offered.get(name, 0) // amount) for name, amount in resources.items()]
    return min([threads, *fits])


@contextmanager
def _no_interrupts_for_children() -> Iterator[None]:
    """Block SIGINT while threads are made: they, and the workers they start, keep it blocked.

    Otherwise Ctrl-C in a terminal would reach the workers and kill the trials that are to be finished.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
