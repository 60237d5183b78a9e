"""From bytes to requests, with httptools: heads, trailers and bodies within their bounds.

httptools keeps a header that has not ended yet, however long it grows, and tells nothing of it. So what is counted here
is what was given to it since it last told of something.
"""

from typing import Protocol

import httptools

from exporter.catalog import MAX_HEAD_BYTES
from exporter.server.http import Answer, Headers, Request, split_target

PIECE = 1024
"""Bytes that are read in one go, but for a body of a known length: a millisecond or two of work, whatever they hold."""

_NOT_HTTP = Answer.refusal(400, "malformed_http", "this is not a valid HTTP/1.1 request")
_TLS = Answer.refusal(
    400,
    "malformed_http",
    "it speaks TLS to a port without TLS; give it a URL that begins with http://, or set tls here",
)
_HANDSHAKE = b"\x16\x03"
"""How a TLS connection begins."""

IDLE, HEAD, BODY = range(3)
"""What a connection is in the middle of: nothing, a head, a body."""


class Sink(Protocol):
    """The connection that the requests came on."""

    @property
    def max_body(self) -> int: ...

    def screen(self, request: Request, /) -> Answer | None:
        """Refuses a request by its head alone, or does not."""

    def invite(self) -> None:
        """The client waits for our word before it sends the body."""

    def serve(self, request: Request, refusal: Answer | None, body: bytes, keep_alive: bool, /) -> None:
        """Takes a whole request: its refusal, or its body."""

    def end(self, answer: Answer, /) -> None:
        """Gives the connection's last answer."""


class RequestReader:
    """Reads the requests of one connection; after `Sink.end` it must not be fed any more."""

    def __init__(self, sink: Sink) -> None:
        self.receiving = IDLE
        self.candidate: bytes | None = None
        """Set before the first byte of a request: what its head is to be known by (`heads.KnownHeads`)."""
        self.learned: tuple[bytes, Request] | None = None
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request(b"", b"", [])
        self._url = b""
        self._headers: Headers = []
        self._expects_word = False
        self._refusal: Answer | None = None
        self._body: bytes | bytearray = b""
        self._size = self._declared = 0
        self._head_bytes = 0
        self._ended = False
        self._told = False

    @property
    def held(self) -> int:
        """Bytes of memory that the request under way costs.

        A head costs three times its size, for httptools joins what it has with each piece that comes, and a body a
        quarter more than its own, the room that it grows into: as measured with thousands of each.
        """
        return 3 * self._head_bytes + 5 * len(self._body) // 4 if self.receiving else 0

    @property
    def wanted(self) -> int:
        """Bytes to give to `feed` in one go."""
        return max(PIECE, self._declared - self._size) if self.receiving == BODY else PIECE

    @property
    def path(self) -> bytes:
        """Where the request that is under way wants to go, once that is known."""
        return self._request.path if self.receiving == BODY else b""

    def stop(self) -> None:
        """Tells the sink of nothing any more, whatever is still being read."""
        self._ended = True
        self._body = b""

    def feed(self, data: bytes) -> None:
        """Reads on; may tell the sink of several requests."""
        while data and not self._ended:
            before = self.receiving
            if before != BODY:
                self._head_bytes += len(data)
            self._told = False
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])
                continue
            except httptools.HttpParserError:
                if not self._ended:
                    self._end(_TLS if data.startswith(_HANDSHAKE) else _NOT_HTTP)
                return
            if before == BODY and self.receiving == BODY and not self._told:
                self._head_bytes += len(data)  # trailers, or what frames a chunk
                self._check_head(_size(self._request) + self._head_bytes)
            elif self.receiving == HEAD:
                self._check_head(self._head_bytes)
            return

    def _is_over(self) -> bool:
        return self._ended

    def _check_head(self, size: int) -> None:
        if size > MAX_HEAD_BYTES and not self._ended:
            sentence = f"the request's head and trailers are over {MAX_HEAD_BYTES} bytes"
            self._end(Answer.refusal(431, "head_too_large", sentence))

    def _end(self, answer: Answer) -> None:
        self._ended = True
        self._sink.end(answer)

    def _without_upgrade(self, rest: bytes) -> bytes:
        """A request that asks for another protocol, without its asking, to be read again: the parser drops its body."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._end(Answer.refusal(405, "method", "this is no proxy"))
            return b""
        version = self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self._url, version)]
        lines += [name + b": " + value for name, value in self._headers if name != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        self._head_bytes = 0
        return b"\r\n".join([*lines, b"", rest])

    # What httptools calls -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.receiving = HEAD
        self._url = b""
        self._headers = []
        self._expects_word = False
        self._refusal = None
        self._body = b""
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.receiving != HEAD:
            return  # a trailer
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_word = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._ended or self._parser.should_upgrade():
            return
        path, query = split_target(self._url)
        version = self._parser.get_http_version()
        self._request = Request(self._parser.get_method(), path, self._headers, query, version)
        # Its first bytes may have come in a piece with the request before, its last with its body: where it may be
        # large, look closely.
        if self._head_bytes + PIECE > MAX_HEAD_BYTES:
            self._check_head(_size(self._request))
        if self._is_over():
            return
        self.receiving = BODY
        self._head_bytes = 0
        self._told = True
        self._declared = _declared_length(self._request)
        self._refusal = self._sink.screen(self._request) or self._too_large(self._declared)
        if self._refusal is None and self.candidate is not None:
            self.learned = self.candidate, self._request
        self.candidate = None
        if self._expects_word:
            if self._refusal is not None:
                self._end(self._refusal)
            else:
                self._sink.invite()

    def on_chunk_header(self) -> None:
        self._told = True
        self._head_bytes = 0

    def on_body(self, body: bytes) -> None:
        if self._ended:
            return
        self._told = True
        self._head_bytes = 0
        self._size += len(body)
        if self._refusal is None:
            self._refusal = self._too_large(self._size)
        if self._refusal is not None:
            self._body = b""
            if self._size > MAX_HEAD_BYTES:  # a small body is read to its end, so that the connection can go on
                self._end(self._refusal)
        elif not self._body:
            self._body = body
        else:
            if not isinstance(self._body, bytearray):
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        if self._ended or self.receiving != BODY:
            return
        self.receiving = IDLE
        self._head_bytes = 0
        body, self._body = bytes(self._body), b""
        self._sink.serve(self._request, self._refusal, body, self._parser.should_keep_alive())

    def _too_large(self, size: int) -> Answer | None:
        limit = self._sink.max_body
        if size <= limit:
            return None
        return too_large(limit)


def too_large(limit: int) -> Answer:
    """The refusal of a body over `limit` bytes."""
    sentence = f"the body is over {limit} bytes; send fewer events at a time, or raise intake.max_body"
    return Answer.refusal(413, "too_large", sentence)


def _size(request: Request) -> int:
    return len(request.path) + len(request.query) + sum(len(name) + len(value) for name, value in request.headers)


def _declared_length(request: Request) -> int:
    value = request.header(b"content-length")
    return int(value) if value.isdigit() and len(value) < 20 else 0  # longer ones httptools refuses
