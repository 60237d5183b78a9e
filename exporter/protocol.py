"""uvicorn's HTTP/1.1 protocol with the bounds that it lacks, and one that answers without a task.

uvicorn leaves half a head open for ever, reads heads of any size, and answers garbage in plain text. `BoundedProtocol`
adds limits on time, size and number of connections, and says in JSON what was wrong. `DirectProtocol` collects the
body and calls a plain function: what takes events needs no `await`, and a task for each request costs more than the
request itself.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

import httptools
import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from exporter.catalog import MAX_HEAD_BYTES
from exporter.scrapers import Connection

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case, and values, as they came."""

_log = logging.getLogger("threatboard")

LAST_WORDS = 0.5
"""Seconds for which an idle connection is still read after it was ended from this side."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answer(NamedTuple):
    """A whole HTTP answer. `reason` is what a refusal is counted under (`catalog.REJECT_REASONS`)."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    reason: str = ""

    @classmethod
    def json(cls, status: int, content: object, *headers: tuple[bytes, bytes], reason: str = "") -> "Answer":
        return cls(status, orjson.dumps(content), ((b"content-type", b"application/json"), *headers), reason)

    @classmethod
    def refusal(cls, status: int, reason: str, sentence: str, *headers: tuple[bytes, bytes]) -> "Answer":
        """An error: the sentence that helps the sender, as JSON."""
        return cls.json(status, {"error": sentence}, *headers, reason=reason)

    def encoded(self, keep_alive: bool) -> bytes:
        """The bytes on the wire."""
        return _head(self.status, self.headers, len(self.body), keep_alive) + self.body


@lru_cache(maxsize=64)  # nearly every answer of an intake is the same 204
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...], length: int, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()]
    lines += [name + b": " + value + b"\r\n" for name, value in headers]
    if status != HTTPStatus.NO_CONTENT:
        lines.append(b"content-length: %d\r\n" % length)
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    return b"".join([*lines, b"\r\n"])


@dataclass
class Limits:
    """Bounds of one listener, in seconds, bytes and connections; may change while it runs."""

    head_timeout: float = 10.0
    body_timeout: float = 10.0
    max_body: int = 1 << 20
    max_connections: int = 10_000
    draining: bool = False
    """Every answer ends its connection, so that the client's next request goes elsewhere."""


class Request(NamedTuple):
    """The head of a request."""

    method: bytes
    path: bytes
    headers: Headers

    def header(self, name: bytes) -> bytes:
        """The first value of a header, or nothing."""
        for key, value in self.headers:  # on every event's way: a generator costs three times as much
            if key == name:
                return value
        return b""


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


Take = Callable[[Request, bytes], Answer]
"""Answers a whole request."""

Screen = Callable[[Request], Answer | None]
"""Refuses a request by its head alone, or does not."""


class DirectProtocol(BoundedProtocol):
    """A connection whose requests a plain function answers, in order, as soon as each is whole."""

    def __init__(self, *args: Any, screen: Screen, take: Take, **bounds: Any) -> None:
        super().__init__(*args, **bounds)
        self._screen = screen
        self._take = take
        self._request = Request(b"", b"", [])
        self._refusal: Answer | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._idle_since = 0.0
        self._idle_limit = 0.0
        self._half_closed = False

    def shutdown(self) -> None:
        """Ends an idle connection; one with a request under way ends with its answer, since the listener is draining.

        An event that its sender sends at this very moment is still taken, though it can no longer be answered.
        """
        if self._in_head or self._in_body:
            return
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
            self._half_closed = True
            self.loop.call_later(LAST_WORDS, self.transport.close)
        else:
            self.transport.close()

    def _wait_for_next(self, seconds: float) -> None:
        # To note the time is cheap, to set a timer for each request is not.
        self._idle_since = self.loop.time()
        self._idle_limit = seconds
        if self.timeout_keep_alive_task is None:
            super()._wait_for_next(seconds)

    def timeout_keep_alive_handler(self) -> None:
        """Closes the connection if it has been idle for long enough, or looks again when it will have been."""
        under_way = self._in_head or self._in_body
        idle = 0.0 if under_way else self.loop.time() - self._idle_since
        if idle >= self._idle_limit:
            self.transport.close()
        else:
            rest = self._idle_limit - idle
            self.timeout_keep_alive_task = self.loop.call_later(rest, self.timeout_keep_alive_handler)

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True
        self._refusal = None
        self._chunks = []
        self._size = 0

    def on_headers_complete(self) -> None:
        if not self._head_complete():
            return
        self._request = Request(self.parser.get_method(), self.url.split(b"?", 1)[0], self.headers)
        self._refusal = self._screen(self._request) or self._too_large(_declared_length(self._request))
        if self.expect_100_continue:
            if self._refusal is not None:
                self._end(self._refusal)
            else:
                self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._ended:
            return
        self._size += len(body)
        if self._refusal is None:
            self._refusal = self._too_large(self._size)
        if self._refusal is None:
            self._chunks.append(body)
        elif self._size > MAX_HEAD_BYTES:  # a small body is read to its end, so that the connection can go on
            self._end(self._refusal)

    def on_message_complete(self) -> None:
        if not self._message_complete() or self.transport.is_closing():
            return
        if self._refusal is not None:
            answer = self._refusal
            self._refused(answer.reason, self._request.path)
        else:
            answer = self._answer(self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks))
        keep_alive = self.parser.should_keep_alive() and not self.limits.draining
        if not self._half_closed:
            self.transport.write(answer.encoded(keep_alive))
        if keep_alive:
            self._wait_for_next(self.timeout_keep_alive)
        else:
            self._ended = True
            self.transport.close()

    def _answer(self, body: bytes) -> Answer:
        try:
            return self._take(self._request, body)
        except Exception:  # noqa: BLE001  # httptools would make a fault of ours look like the sender's
            _log.exception("a request could not be answered")
            self._refused("internal", self._request.path)
            return Answer.refusal(500, "internal", "threatboard failed to take this; its log says why")

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()  # a client that does not read its answers gets no more of them

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    def _too_large(self, size: int) -> Answer | None:
        if size <= self.limits.max_body:
            return None
        sentence = (
            f"the body is over {self.limits.max_body} bytes; send fewer events at a time, or raise intake.max_body"
        )
        return Answer.refusal(413, "too_large", sentence)


def _declared_length(request: Request) -> int:
    value = request.header(b"content-length")
    return int(value) if value.isdigit() else 0
