"""uvicorn's HTTP/1.1 protocol with the bounds that it lacks.

uvicorn leaves half a head open for ever, reads heads of any size, and answers garbage in plain text. Here time, size
and number of connections are limited, and JSON says what was wrong.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from exporter.catalog import MAX_HEAD_BYTES
from exporter.server.http import Answer, Headers
from exporter.store.scrapers import Connection


@dataclass
class Limits:
    """Bounds of one listener, in seconds, bytes and connections; may change while it runs."""

    head_timeout: float = 10.0
    body_timeout: float = 10.0
    max_body: int = 1 << 20
    max_connections: int = 10_000
    draining: bool = False
    """Every answer ends its connection, so that the client's next request goes elsewhere."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection of a listener: refuses with a sentence what goes past `limits`, tells `refused(reason, path)`."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        *,
        limits: Limits,
        refused: Callable[[str, bytes], None],
    ) -> None:
        super().__init__(config, state, {}, loop)
        self.limits = limits
        self.peer = Connection("")
        self.url = b""
        self._refused = refused
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        self._read_bytes = 0
        self._ended = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.peer.address = self.client[0] if self.client else ""
        self.peer.abort = transport.abort
        if len(self.connections) > self.limits.max_connections:
            # Not an answer: Falco takes a 503 for success, but logs a connection that was cut.
            self._refused("too_many_connections", b"")
            self._ended = True
            transport.abort()
            return
        # A connection is kept for those who have sent something: others would take the places of senders.
        self._wait_for_next(self.limits.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.closed = True
        self._clear_deadline()
        self._unset_keepalive_if_required()
        if self._in_body and not self._ended:
            self._refused("truncated", self._path())
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._read_bytes = len(data)
        if not self._in_body:
            self._head_bytes += self._read_bytes
        while data and not self._ended:
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._end(Answer.refusal(400, "malformed_http", "this is not a valid HTTP/1.1 request"))
        if not self._ended:
            self._watch()

    def _without_upgrade(self, rest: bytes) -> bytes:
        """A request that asks for another protocol, without its asking, to be read again: the parser drops its body."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._end(Answer.refusal(405, "method", "this is no proxy"))
            return b""
        lines = [method + b" " + self.url + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([*lines, b"", rest])

    def _watch(self) -> None:
        """After each read: a request that is not whole yet has a deadline from its first byte."""
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._end_head_too_large()
        elif self._in_head:
            self._set_deadline(self.limits.head_timeout)
        elif self._in_body:
            self._set_deadline(self.limits.body_timeout)
        else:
            self._clear_deadline()

    def _path(self) -> bytes:
        """Where the request that is under way wants to go, once that is known."""
        return self.url.partition(b"?")[0] if self._in_body else b""

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self.scope["state"]["connection"] = self.peer
        self._in_head = True

    def on_headers_complete(self) -> None:
        if self._head_complete():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._ended:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._message_complete():
            super().on_message_complete()

    def _head_complete(self) -> bool:
        """Notes the step from head to body; False if there is nothing to answer (yet)."""
        if self._ended or self.parser.should_upgrade():
            return False
        read = self._head_bytes + self._read_bytes  # at least: a second head in one read is not in the first number
        self._in_head, self._in_body, self._head_bytes = False, True, 0
        self._clear_deadline()
        if read > MAX_HEAD_BYTES and _size(self.url, self.headers) > MAX_HEAD_BYTES:
            self._end_head_too_large()
        return not self._ended

    def _message_complete(self) -> bool:
        """Notes the end of a request; False if there is nothing to answer (yet)."""
        if self._ended or not self._in_body:
            return False
        self._in_body = False
        self._clear_deadline()
        return True

    def _end_head_too_large(self) -> None:
        self._end(Answer.refusal(431, "head_too_large", f"the request's head is over {MAX_HEAD_BYTES} bytes"))

    def _wait_for_next(self, seconds: float) -> None:
        """Between two requests a connection may be idle for long: Falco has one open per node."""
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _set_deadline(self, seconds: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        part, seconds = ("head", self.limits.head_timeout) if self._in_head else ("body", self.limits.body_timeout)
        self._end(Answer.refusal(408, "timeout", f"the request's {part} took longer than {seconds:g}s"))

    def _end(self, answer: Answer) -> None:
        """Gives the last answer of this connection. What the client still sends is read and dropped for a while.

        Closing at once would reset the connection, and the client would see that instead of the answer.
        """
        self._refused(answer.reason, self._path())
        self._ended = True
        self._clear_deadline()
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(answer.encoded(keep_alive=False))
        self._deadline = self.loop.call_later(self.limits.body_timeout, self.transport.close)


def _size(url: bytes, headers: Headers) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers)
