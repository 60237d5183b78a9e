"""HTTP messages as both listeners know them: the head of a request, and a whole answer."""

from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

import orjson

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case, and values, as they came."""


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
