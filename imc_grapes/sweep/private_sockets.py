"""A transport of Dask that other users of the machine cannot reach: Unix sockets in a folder of this user's alone.

Dask's own local transport is TCP on the loopback interface, on which whoever has an account can connect, and run
functions in the workers. Here an address is ``private://127.0.0.1:NUMBER``, and NUMBER the name of a socket in the
folder with mode 0700 that multiprocessing keeps for its own sockets and removes at the end.
"""

import secrets
import socket
import weakref
from functools import partial
from multiprocessing import util
from pathlib import Path
from typing import Any

import dask
from distributed.comm import backends
from distributed.comm.core import Comm
from distributed.comm.tcp import (
    MAX_BUFFER_SIZE,
    TCP,
    BaseTCPBackend,
    BaseTCPConnector,
    BaseTCPListener,
    _close_comm,
    convert_stream_closed_error,
)
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_unix_socket
from tornado.tcpserver import TCPServer

SCHEME = "private"
FOLDER = "imc-grapes.private-sockets"
"""Key of Dask's configuration, which workers get from whoever starts them."""

_HOST = "127.0.0.1"
_NUMBERS = range(1, 1 << 16)
_TRIES = 100


def private_folder() -> str:
    """A folder that this user alone may enter, removed with the process."""
    return str(util.get_temp_dir())


def private_settings() -> dict[str, Any]:
    """Dask's configuration under which this process and its workers find each other's sockets, and nobody else them.

    Whatever certificates a user's own configuration names are for other schedulers. Pages for browsers are left out:
    they are on TCP, and would show the configs of the trials to every user of the machine.
    """
    of_tls = [
        f"{role}.{part}" for role in ("scheduler", "worker", "client") for part in ("cert", "key")
    ]
    return {
        FOLDER: private_folder(),
        "distributed.comm.require-encryption": None,
        **{f"distributed.comm.tls.{key}": None for key in ("ca-file", *of_tls)},
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }


class PrivateSocket(TCP):
    """An established connection."""

    def __init__(
        self, stream: IOStream, local_addr: str, peer_addr: str, deserialize: bool = True
    ) -> None:
        # As its base, less the options of TCP that a Unix socket does not have.
        self._closed = False
        Comm.__init__(self, deserialize=deserialize)
        self._local_addr, self._peer_addr = local_addr, peer_addr
        self.stream = stream
        self._finalizer = weakref.finalize(self, self._get_finalizer())
        self._finalizer.atexit = False
        self._extra: dict[str, Any] = {}
        stream.set_close_callback(partial(_close_comm, weakref.ref(self)))


class PrivateConnector(BaseTCPConnector):
    """Connects to a socket of this user's."""

    prefix = f"{SCHEME}://"
    comm_class = PrivateSocket
    # Only the kernel stands between the two ends.
    encrypted = True

    async def connect(
        self, address: str, deserialize: bool = True, **connection_args: Any
    ) -> PrivateSocket:
        """Connect, or raise what Dask tries again after."""
        stream = IOStream(
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), max_buffer_size=MAX_BUFFER_SIZE
        )
        try:
            await stream.connect(str(_path(address)))
        except StreamClosedError as error:
            convert_stream_closed_error(self, error)
        return PrivateSocket(stream, f"{self.prefix}{_HOST}:0", self.prefix + address, deserialize)


class PrivateListener(BaseTCPListener):
    """Listens on a socket of this user's."""

    port: int
    tcp_server: TCPServer | None
    prefix = f"{SCHEME}://"
    comm_class = PrivateSocket
    encrypted = True

    def _get_server_args(self, **connection_args: Any) -> dict[str, Any]:
        return {}

    async def start(self) -> None:
        """Begin to listen."""
        self.port = self.port or _unused()
        self.bound_address = (_HOST, self.port)
        server = TCPServer(max_buffer_size=MAX_BUFFER_SIZE)
        server.handle_stream = self._handle_stream  # type: ignore[method-assign]
        backlog = int(dask.config.get("distributed.comm.socket-backlog"))
        server.add_socket(bind_unix_socket(str(_path(self.port)), mode=0o600, backlog=backlog))
        self.tcp_server = server

    def stop(self) -> None:
        """End it, and remove the socket."""
        super().stop()
        _path(self.port).unlink(missing_ok=True)

    async def _handle_stream(self, stream: IOStream, address: Any) -> None:
        if self.tcp_server is None:
            stream.close()
            return
        comm = PrivateSocket(
            stream, self.contact_address, f"{self.prefix}{_HOST}:0", self.deserialize
        )
        comm.allow_offload = self.allow_offload
        try:
            await self.on_connection(comm)
        except OSError:
            return
        await self.comm_handler(comm)


class PrivateBackend(BaseTCPBackend):
    """What Dask asks for by the scheme of an address."""

    _connector_class = PrivateConnector
    _listener_class = PrivateListener

    def get_local_address_for(self, loc: str) -> str:
        """Where to listen for whoever is at `loc`."""
        return f"{_HOST}:0"


def _path(address: str | int) -> Path:
    number = int(str(address).rpartition(":")[2])
    return Path(dask.config.get(FOLDER)) / str(number)


def _unused() -> int:
    for _ in range(_TRIES):
        number = secrets.choice(_NUMBERS)
        if not _path(number).exists():
            return number
    raise OSError(f"no name is free in {_path(0).parent}")


backends[SCHEME] = PrivateBackend()
