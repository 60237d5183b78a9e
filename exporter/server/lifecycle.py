"""A connection from its beginning to its end: its place, its TLS handshake, its idle time, and who ends it."""

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from exporter.server.http import Connection
from exporter.server.tls import NO_REQUEST, explain

if TYPE_CHECKING:
    from exporter.server.listener import Listener
    from exporter.server.tls_transport import TlsTransport

IDLE_TIMEOUT = 3600.0
"""Seconds a welcome connection may be idle: longer than any scrape interval, a scraper is known by its connection."""

SEND_TIMEOUT = 60.0
"""Seconds that a client may take to read what it asked for."""

UNREAD_ANSWERS = 16 * 1024
"""Bytes of answers that may wait for a client to read them before nothing more is read from it."""

LAST_WORDS = 0.5
"""Seconds for which an idle connection is still read after it was ended from this side."""


class Lifecycle(asyncio.BufferedProtocol, ABC):
    """What a connection is whatever is spoken on it; `listener` holds what all of them share."""

    def __init__(self, listener: "Listener", loop: asyncio.AbstractEventLoop) -> None:
        self.peer = Connection("")
        self.last_used = loop.time()
        self._listener = listener
        self._loop = loop
        self._transport: asyncio.Transport
        self._idle_timer: asyncio.TimerHandle | None = None
        self._secured = listener.context is None
        self._ended = False
        """Nothing more is taken from it, or said to it."""
        self._last = False
        """The answer under way is the last one."""
        self._half_closed = self._welcome = False

    # What the protocol spoken on it says of itself

    @property
    @abstractmethod
    def answering(self) -> bool:
        """Is an answer being made?"""

    @abstractmethod
    def _under_way(self) -> bool:
        """Is a request being read or answered?"""

    @abstractmethod
    def _has_spoken(self) -> bool:
        """Has anything of a request come?"""

    @abstractmethod
    def _path(self) -> bytes:
        """Where the request under way wants to go, as far as that is known."""

    @abstractmethod
    def _begin(self) -> None:
        """The connection can be used."""

    @abstractmethod
    def _expect_reader(self) -> None:
        """From now on the client has `SEND_TIMEOUT` to read what was sent to it."""

    @abstractmethod
    def _release(self) -> None:
        """The connection is gone: give back what it holds."""

    # Beginning

    def begin_handshake(self, transport: "TlsTransport", address: str) -> bool:
        """Counts a connection from here on whose TLS handshake is still to come; False if there is no place."""
        self._transport = cast("asyncio.Transport", transport)
        if self._has_place(address):
            self._listener.connections.begin_handshake(self)
            return True
        self._leave()
        return False

    def secured(self) -> None:
        """The TLS handshake is done."""
        self._listener.connections.end_handshake(self)
        self._secured = True
        self._open()

    def tls_failed(self, error: BaseException) -> None:
        """The connection ends for a fault of its TLS."""
        if not self._has_spoken():
            self.refused(*explain(error))
        self._leave()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if self._has_place(peer[0] if isinstance(peer, tuple) else ""):
            self._open()
        else:
            self.abort()

    def _has_place(self, address: str) -> bool:
        self.peer.address = address
        limit = self._listener.max_connections
        if self._listener.connections.admit(self, address, limit):
            return True
        # Not an answer: Falco takes a 503 for success, but logs a connection that was cut.
        self.refused("too_many_connections", f"all of intake.max_connections ({limit}) are busy")
        return False

    def _open(self) -> None:
        self._transport.set_write_buffer_limits(high=UNREAD_ANSWERS)
        self.last_used = self._loop.time()
        # A connection is kept for those who have sent something: others would take the places of senders.
        self._idle_timer = self._loop.call_later(self._listener.limits.head_timeout, self._look_whether_idle)
        self._begin()

    # While it is there

    def _look_whether_idle(self) -> None:
        """Closes the connection if it has been idle for long enough, or looks again when it will have been."""
        # To note the time at each request is cheap, to set a timer for each is not.
        limit = IDLE_TIMEOUT if self._welcome else self._listener.limits.head_timeout
        idle = 0.0 if self._under_way() else self._loop.time() - self.last_used
        if idle >= limit:
            self._last = True
            self._close()
        else:
            self._idle_timer = self._loop.call_later(limit - idle, self._look_whether_idle)

    def refused(self, reason: str, sentence: str) -> None:
        """Tells of a request that was refused, or of this connection that was cut."""
        self._listener.application.refused(reason, sentence, self._path(), self.peer.address)

    # End

    def finish(self) -> None:
        """Ends an idle connection; one with a request under way ends with its answer.

        An event that its sender sends at this very moment is still taken, though it can no longer be answered.
        """
        self._last = True
        if not self._secured:
            self.abort()
        elif self._under_way() or self._transport.is_closing():
            return
        elif self._transport.can_write_eof():
            self._transport.write_eof()
            self._half_closed = True
            self._loop.call_later(LAST_WORDS, self._close)
        else:
            self._close()

    def eof_received(self) -> None:
        """The client sends nothing more; the transport closes itself once all is sent."""
        self._expect_reader()

    def _close(self) -> None:
        """Ends it once all is sent, for which a transport would wait for ever."""
        if not self.peer.closed:
            self._transport.close()
            self._expect_reader()

    def evict(self) -> None:
        """Ends it in favour of a connection that has just come."""
        self.refused("evicted", "its place was needed for a new connection; see intake.max_connections")
        self.abort()

    def cut(self) -> None:
        """Ends it because its client does not read."""
        self.refused("unread_answer", f"it did not read its answer within {SEND_TIMEOUT:g}s, or others needed the room")
        self.abort()

    def abort(self) -> None:
        """Ends it at once, without another word."""
        self._leave()
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # why makes no difference
        by_client = not (self._ended or self._last)
        if by_client and self._listener.context is not None and self._secured and not self._has_spoken():
            self.refused("tls_no_request", NO_REQUEST)
        self._leave()

    def _leave(self) -> None:
        """Gives back all that it takes of what is shared."""
        self.peer.closed = self._ended = True
        self._listener.connections.leave(self, self.peer.address)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._release()
