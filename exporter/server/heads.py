"""Request heads that were seen before: Falco and its relays send the same one again and again, with another length.

To parse a head costs more than to count the alert below it. So a head that was parsed once and accepted is kept as its
bytes without the digits of Content-Length; a request that begins with the same bytes is known.
"""

from typing import NamedTuple

from exporter.server.http import Request

MAX_KNOWN = 256
"""Heads kept; when full, further ones are parsed each time."""

MAX_BYTES = 1024
"""A longer head is not kept."""

_LENGTH = b"ength: "
_DIGITS = 8

_CHANGES_MEANING = {b"connection", b"expect", b"transfer-encoding", b"upgrade"}
"""Headers whose presence makes a request more than a head and a body of a known length."""


class Known(NamedTuple):
    """A request whose head is known and whose body is there: where the body begins and ends in the data."""

    request: Request
    start: int
    end: int


class KnownHeads:
    """The heads of one listener that need not be parsed."""

    def __init__(self) -> None:
        self._requests: dict[bytes, Request] = {}

    def match(self, data: bytes) -> Known | None:
        """The request with which `data` begins, if its head is known and its body is whole."""
        parts = _split(data)
        if parts is None:
            return None
        key, length, start = parts
        request = self._requests.get(key)
        if request is None or start + length > len(data):
            return None
        return Known(request, start, start + length)

    def candidate(self, data: bytes) -> bytes | None:
        """What `learn` wants of data that begin a request, or None if that head cannot be kept."""
        if len(self._requests) >= MAX_KNOWN:
            return None
        parts = _split(data)
        return parts[0] if parts else None

    def learn(self, key: bytes, request: Request) -> None:
        """Keeps the head of a request that was parsed and accepted, if its meaning is all in it."""
        names = [name for name, _ in request.headers]
        plain = request.method == b"POST" and request.version == "1.1" and names.count(b"content-length") == 1
        line = key[key.rfind(b"\n", 0, key.index(_LENGTH)) + 1 :].lower()
        if plain and line.startswith(b"content-length: ") and not _CHANGES_MEANING.intersection(names):
            headers = [(name, value) for name, value in request.headers if name != b"content-length"]
            self._requests[key] = request._replace(headers=headers)


def _split(data: bytes) -> tuple[bytes, int, int] | None:
    """A head without the digits of its first `…ength: `, these as a number, and where its body begins."""
    end = data.find(b"\r\n\r\n", 0, MAX_BYTES)
    at = data.find(_LENGTH, 0, end) + len(_LENGTH)
    if end < 0 or at < len(_LENGTH):
        return None
    stop = data.find(b"\r", at)
    digits = data[at:stop]
    if not digits.isdigit() or len(digits) > _DIGITS:
        return None
    return data[:at] + data[stop:end], int(digits), end + 4
