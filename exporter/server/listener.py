"""A bound socket, and what the connections on it share: limits, places, budgets, TLS, and who answers."""

import asyncio
import errno
import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Protocol

from exporter.config.kinds import Address
from exporter.server.budget import Inflight, Turns
from exporter.server.connections import Connections
from exporter.server.heads import KnownHeads
from exporter.server.http import Answer, Asked, Connection, Made, Request
from exporter.server.protocol import HttpProtocol
from exporter.server.rounds import Round
from exporter.server.streams import Streams
from exporter.server.tls import distrusts, prepare
from exporter.server.tls_transport import TlsTransport

BACKLOG = 4096

RECEIVE_BUFFER = 64 * 1024
"""Bytes that one read takes at the most."""

SCARCE_BUFFER = 4 * 1024
"""The same while `intake.max_inflight` is used up."""


class ListenError(Exception):
    """A listener cannot start; the message says which and what to do."""


class Limits(Protocol):
    """Bounds in seconds, bytes and connections; the `intake` section of the configuration has them."""

    @property
    def head_timeout(self) -> float: ...
    @property
    def body_timeout(self) -> float: ...
    @property
    def max_body(self) -> int: ...
    @property
    def max_connections(self) -> int: ...


class Application(Protocol):
    """Who answers the requests of a listener."""

    def screen(self, request: Request, connection: Connection, /) -> Answer | None:
        """Refuses a request by its head alone, or does not."""

    def answers(self, asked: Sequence[Asked], /) -> Sequence[Made]:
        """Answers requests that came together, of each its own."""

    def refused(self, reason: str, sentence: str, path: bytes, address: str, /) -> None:
        """Is told of each request or connection that was refused or cut."""


class Listener:
    """One address that is listened on. `setting` is its name in the configuration, for messages."""

    def __init__(self, setting: str, address: Address, limits: Limits, inflight: Inflight, turns: Turns) -> None:
        """Binds the address; raises ListenError. Connections wait in the backlog until `start`."""
        self.limits = limits
        self.inflight = inflight
        self.turns = turns
        self.connections = Connections()
        self.heads = KnownHeads()
        self.streams = Streams(turns)
        self.round = Round(self)
        self.draining = False
        self.context: ssl.SSLContext | None = None
        self.application: Application
        self._buffer = memoryview(bytearray(RECEIVE_BUFFER))
        self._scarce = self._buffer[:SCARCE_BUFFER]
        self._server: asyncio.Server | None = None
        try:
            self._socket = _bind(address)
        except OSError as error:
            raise ListenError(f"{setting}: cannot listen on {address}: {_explain(error)}") from error

    @property
    def port(self) -> int:
        """The port in use (another than configured where that was 0)."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def max_connections(self) -> int:
        """Places for connections; one with TLS takes the memory of ten without, so there are half as many."""
        limit = self.limits.max_connections
        return limit if self.context is None else max(1, limit // 2)

    def buffer(self) -> memoryview:
        """Where the next read goes; one for all connections, since what was read is taken out at once."""
        return self._scarce if self.inflight.full else self._buffer

    def received(self, size: int) -> bytes:
        """What was read last."""
        return bytes(self._buffer[:size])

    def use_tls(self, context: ssl.SSLContext | None) -> None:
        """Takes a context into use for connections to come; ends those whose client CA is trusted no longer."""
        if context is None or context is self.context:
            return
        old, self.context = self.context, prepare(context)
        if old is not None and distrusts(self.context, old):
            for connection in self.connections:
                assert isinstance(connection, HttpProtocol)
                connection.finish()

    async def start(self, application: Application) -> None:
        """Begins to take connections, whose requests `application` answers."""
        self.application = application
        loop = asyncio.get_running_loop()

        def accept() -> asyncio.BaseProtocol:
            protocol = HttpProtocol(self, loop)
            return protocol if self.context is None else TlsTransport(self, protocol, loop)

        self._server = await loop.create_server(accept, sock=self._socket, backlog=BACKLOG)

    def close(self) -> None:
        """Frees the port."""
        self._socket.close()

    async def stop(self, patience: float) -> None:
        """Closes the port and every idle connection; requests under way may be finished within this many seconds."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        self.close()
        for connection in self.connections:
            assert isinstance(connection, HttpProtocol)
            connection.finish()
        deadline = time.monotonic() + patience
        while len(self.connections) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)


def _bind(address: Address) -> socket.socket:
    """A socket at this address; `::` is every address that there is, of IPv4 alone where the kernel knows no IPv6."""
    family, dual = (socket.AF_INET6 if ":" in address.host else socket.AF_INET), _is_dual(address.host)
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        if not dual or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return socket.create_server(("", address.port), backlog=BACKLOG)


def _is_dual(host: str) -> bool:
    """True for every spelling of `::`, where IPv4 is taken as well."""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return False
    return parsed.version == 6 and parsed.is_unspecified and socket.has_dualstack_ipv6()


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
