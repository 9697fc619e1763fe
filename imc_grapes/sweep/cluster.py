"""Where trials run: worker processes on this machine, or a Dask scheduler that already runs."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, Security
from distributed.comm.addressing import parse_address, parse_host_port

from imc_grapes.sweep import private_sockets
from imc_grapes.sweep.fork_server import start_fork_server
from imc_grapes.sweep.private_sockets import SCHEME, private_folder, private_settings
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
        **private_settings(),
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
            protocol=SCHEME,
            scheduler_kwargs={"dashboard": False},
            preload=[private_sockets.__name__],
            local_directory=private_folder(),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield Workers(client, cluster, count)


@dataclass(frozen=True)
class Certificates:
    """What this process shows to a scheduler under TLS, and knows the scheduler by; files in PEM."""

    authority: Path
    """Of whoever signed the certificates of the cluster."""
    certificate: Path
    key: Path

    def security(self) -> Security:
        """As Dask takes them.

        Raises:
            InputError: one of the files cannot be read.
        """
        for option, file in (
            ("--tls-ca", self.authority),
            ("--tls-cert", self.certificate),
            ("--tls-key", self.key),
        ):
            try:
                file.open("rb").close()
            except OSError as error:
                raise InputError(f"{option} {file}: cannot be read: {error.strerror}") from None
        return Security(
            require_encryption=True,
            tls_ca_file=str(self.authority),
            tls_client_cert=str(self.certificate),
            tls_client_key=str(self.key),
        )


@contextmanager
def workers_of(address: str, certificates: Certificates | None = None) -> Iterator[Workers]:
    """The workers of the scheduler at `address`.

    Args:
        address: such as tls://10.0.0.1:8786; with tcp://, whoever reaches the scheduler's port can run code in its
            workers and in this process, which is said in a warning.
        certificates: for tls://; None for those that Dask's own configuration names.

    Raises:
        InputError: nobody answers there, or not to these certificates.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        scheme, place = parse_address(address)
        parse_host_port(place)
    except ValueError as error:
        message = f"--scheduler {address}: must be an address such as tls://10.0.0.1:8786: {error}"
        raise InputError(message) from None
    security = _security(address, scheme, certificates)
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False, security=security)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        message = f"--scheduler {address}: no Dask scheduler answers there: {error}"
        raise InputError(message) from None
    with client:
        yield Workers(client)


def _security(address: str, scheme: str, certificates: Certificates | None) -> Security | None:
    if scheme != "tls":
        if certificates is not None:
            raise InputError(
                f"--tls-ca, --tls-cert, --tls-key: have no effect on --scheduler {address}; allowed: a scheduler at "
                "tls://"
            )
        warnings.warn(
            f"--scheduler {address}: whoever reaches this port can run code as you; on a network or a machine with "
            "others, start the scheduler with TLS (see 'On a cluster' in the README)",
            stacklevel=4,
        )
        return None
    security = certificates.security() if certificates is not None else Security()
    if None in (security.tls_ca_file, security.tls_client_cert):
        raise InputError(
            f"--scheduler {address}: TLS needs certificates; give --tls-ca, --tls-cert and --tls-key, or name them in "
            "Dask's configuration under distributed.comm.tls"
        )
    return security


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
