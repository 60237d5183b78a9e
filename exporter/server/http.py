"""HTTP messages as both listeners know them: who is there, the head of a request, and an answer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple, TypeAlias

import orjson

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case, and values, as they came."""


@dataclass(eq=False, slots=True)
class Connection:
    """A client's connection: the peer's address, whether it has ended, and what its request waits for, if it does.

    Who waits is told by the result: True when it is its turn, False when the connection has ended.
    """

    address: str
    closed: bool = False
    waits_for: asyncio.Future[bool] | None = None

    def give_up(self) -> None:
        """The connection has ended: its request need not wait any longer."""
        if self.waits_for is not None and not self.waits_for.done():
            self.waits_for.set_result(False)


class Request(NamedTuple):
    """The head of a request. `path` and `query` are as they were sent, not decoded; `version` is such as `1.1`."""

    method: bytes
    path: bytes
    headers: Headers
    query: bytes = b""
    version: str = "1.1"

    def header(self, name: bytes) -> bytes:
        """The first value of a header, or nothing."""
        for key, value in self.headers:  # on every event's way: a generator costs three times as much
            if key == name:
                return value
        return b""

    def listed(self, name: bytes) -> bytes:
        """All values of a header that is a list: it may come in several lines (RFC 9110, 5.3)."""
        return b",".join(value for key, value in self.headers if key == name)


class Answer(NamedTuple):
    """A whole HTTP answer. `reason` is what a refusal is counted under (`catalog.REJECT_REASONS`), `sentence` its text.

    `welcome`: the client has shown that it is one of those whom the listener is for, so its connection may stay idle.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    reason: str = ""
    sentence: str = ""
    welcome: bool = False

    @classmethod
    def json(cls, status: int, content: object, *headers: tuple[bytes, bytes]) -> "Answer":
        return cls(status, orjson.dumps(content), ((b"content-type", b"application/json"), *headers))

    @classmethod
    def text(cls, status: int, text: str) -> "Answer":
        return cls(status, text.encode() + b"\n", ((b"content-type", b"text/plain; charset=utf-8"),))

    @classmethod
    def refusal(cls, status: int, reason: str, sentence: str, *headers: tuple[bytes, bytes]) -> "Answer":
        """An error: the sentence that helps the sender, as JSON."""
        return cls.json(status, {"error": sentence}, *headers)._replace(reason=reason, sentence=sentence)

    def encoded(self, keep_alive: bool, request: Request) -> bytes:
        """The bytes on the wire; the answer to a HEAD has no body."""
        head = _head(self.status, self.headers, len(self.body), _connection(keep_alive, request))
        return head if request.method == b"HEAD" else head + self.body


class Asked(NamedTuple):
    """A request that is whole, and who sent it."""

    request: Request
    body: bytes
    connection: Connection


@dataclass(slots=True)
class Stream:
    """An answer that is made while it is sent. `done` is called once all of it was handed to the connection."""

    headers: tuple[tuple[bytes, bytes], ...]
    chunks: Iterator[bytes]
    done: Callable[[], None]

    def head(self, keep_alive: bool, request: Request) -> bytes:
        """The bytes before the chunks."""
        headers = self.headers if request.version == "1.0" else (*self.headers, (b"transfer-encoding", b"chunked"))
        return _head(HTTPStatus.OK, headers, None, _connection(keep_alive, request))


Made: TypeAlias = Answer | Stream | Coroutine[None, None, Answer]
"""An answer, one that is made while it is sent, or the work that makes one and lets others in between."""


def chunk(data: bytes) -> bytes:
    """A chunk as HTTP/1.1 frames it (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target, which a proxy may send with scheme and host (RFC 9112, 3.2.2)."""
    if not target.startswith((b"/", b"*")):
        _, scheme, rest = target.partition(b"://")
        target = rest[len(rest.partition(b"/")[0].partition(b"?")[0]) :] if scheme else target
        if not target.startswith(b"/"):
            target = b"/" + target
    path, _, query = target.partition(b"?")
    return path, query


def _connection(keep_alive: bool, request: Request) -> bytes:
    if not keep_alive:
        return b"connection: close\r\n"
    # What HTTP/1.1 takes for granted is said to an older client that asked for it.
    return b"connection: keep-alive\r\n" if request.version == "1.0" else b""


@lru_cache(maxsize=64)  # nearly every answer of an intake is the same 204
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...], length: int | None, connection: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()]
    lines += [name + b": " + value + b"\r\n" for name, value in headers]
    if status != HTTPStatus.NO_CONTENT and length is not None:
        lines.append(b"content-length: %d\r\n" % length)
    return b"".join([*lines, connection, b"\r\n"])
