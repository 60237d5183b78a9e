"""A bound socket and the connections on it: uvicorn's protocol without uvicorn's server.

The server part of uvicorn owns the process (signals, exit on a port in use, start and stop of one application). Here
two listeners live in one process and stop in an order of their own.
"""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from uvicorn.config import Config
from uvicorn.server import ServerState

from exporter.config.kinds import Address
from exporter.server.protocol import BoundedProtocol
from exporter.server.tls import Tls

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

IDLE_TIMEOUT = 3600
"""Seconds a connection may be idle: longer than any scrape interval, since a scraper is known by its connection."""

BACKLOG = 4096

MakeProtocol = Callable[[Config, ServerState, asyncio.AbstractEventLoop], BoundedProtocol]


class ListenError(Exception):
    """A listener cannot start; the message says which and what to do."""


class Listener:
    """One address that is listened on. `setting` is its name in the configuration, for messages."""

    def __init__(self, setting: str, address: Address, tls: Tls | None) -> None:
        """Binds the address; raises ListenError. Connections wait in the backlog until `start`."""
        self._tls = tls
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        dual = address.host == "::" and socket.has_dualstack_ipv6()
        try:
            self._socket = socket.create_server(
                (address.host, address.port), family=family, backlog=BACKLOG, dualstack_ipv6=dual
            )
        except OSError as error:
            raise ListenError(f"{setting}: cannot listen on {address}: {_explain(error)}") from error

    @property
    def port(self) -> int:
        """The port in use (another than configured where that was 0)."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._state.connections)

    async def start(self, make: MakeProtocol, application: "ASGIApplication", handshake_timeout: float) -> None:
        """Begins to take connections, each with a protocol; `application` answers where that does not do it itself."""
        loop = asyncio.get_running_loop()
        config = Config(
            application,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=IDLE_TIMEOUT,
        )
        self._server = await loop.create_server(
            lambda: make(config, self._state, loop),
            sock=self._socket,
            backlog=BACKLOG,
            ssl=self._tls.context if self._tls else None,
            ssl_handshake_timeout=handshake_timeout if self._tls else None,
        )

    async def stop(self, patience: float) -> None:
        """Closes the port and every idle connection; requests under way may be finished within this many seconds."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        deadline = time.monotonic() + patience
        while self._state.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.02)


def _explain(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use by another program; stop it, or choose another port"
        case errno.EACCES:
            return "not permitted; ports below 1024 need a privilege, choose a higher one"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address"
        case _:
            return error.strerror or str(error)
