"""TLS between a socket's transport and the protocol that speaks over it, with no bytes that are not counted.

asyncio's own TLS reads on while its protocol has paused it, into buffers of 256 KiB a connection. Here nothing is read
from the socket that is not wanted, and OpenSSL is given whole records only, so that half of one is held, and counted,
by us (records: RFC 8446, 5.1).
"""

import asyncio
import ssl
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from exporter.server.listener import Listener
    from exporter.server.protocol import HttpProtocol

_RECORD_HEAD = 5
_CONTENT_TYPES = range(20, 24)
_LONGEST_RECORD = 16384 + 2048


class TlsTransport(asyncio.BufferedProtocol):
    """The protocol of a socket's transport, and the transport of an `HttpProtocol`."""

    def __init__(self, listener: "Listener", protocol: "HttpProtocol", loop: asyncio.AbstractEventLoop) -> None:
        assert listener.context is not None
        self._listener = listener
        self._protocol = protocol
        self._loop = loop
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = listener.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._socket: asyncio.Transport
        self._unread = b""
        self._secured = self._busy = self._said_goodbye = False
        self._wanted = self._reads = True
        self._deadline: asyncio.TimerHandle | None = None

    # Towards the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if not self._protocol.begin_handshake(self, peer[0] if isinstance(peer, tuple) else ""):
            self._socket.abort()
            return
        self._deadline = self._loop.call_later(self._listener.limits.head_timeout, self._fail, TimeoutError())

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # what the transport would like
        return self._listener.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        self._unread += self._listener.received(nbytes)
        self._go_on()

    def eof_received(self) -> None:
        """The socket's transport closes itself."""
        if self._secured:
            self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._secured:
            self._protocol.connection_lost(exc)
        else:
            self._fail(exc or ConnectionResetError())
        self._unread = b""

    def pause_writing(self) -> None:
        if self._secured:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._secured:
            self._protocol.resume_writing()

    def _go_on(self) -> None:
        """Gives OpenSSL what has come, and the protocol what is in it, as long as it wants more."""
        if self._busy or self._protocol.peer.closed:
            return
        self._busy = True
        try:
            while self._wanted and self._step():
                pass
        except ssl.SSLError as error:
            self._flush()  # the alert that says why
            self._fail(error)
        finally:
            self._busy = False
        if self._secured and not self._protocol.peer.closed:
            self._protocol.hold_encrypted(len(self._unread) + self._tls.pending())
        if self._wanted != self._reads and not self._socket.is_closing():
            self._reads = self._wanted
            if self._wanted:
                self._socket.resume_reading()
            else:
                self._socket.pause_reading()

    def _step(self) -> bool:
        """One record at most; False if there is nothing to do until more comes."""
        try:
            if not self._secured:
                self._tls.do_handshake()
                self._begin()
            buffer = self._protocol.get_buffer(-1)
            size = cast("int", self._tls.read(len(buffer), buffer))  # with a buffer it is a number
        except ssl.SSLWantReadError:
            self._flush()
            record = self._next_record()
            self._incoming.write(record)
            return bool(record)
        except ssl.SSLZeroReturnError:
            size = 0
        if not size:  # it said goodbye
            self._protocol.eof_received()
            self.close()
            return False
        self._flush()
        self._protocol.buffer_updated(size)
        return not self._protocol.peer.closed

    def _next_record(self) -> bytes:
        """A whole record; what is none goes to OpenSSL as it is, which has a word for it."""
        data = self._unread
        size = len(data)
        if size >= _RECORD_HEAD and data[0] in _CONTENT_TYPES:
            size = _RECORD_HEAD + int.from_bytes(data[3:5])
            if size > _RECORD_HEAD + _LONGEST_RECORD:
                size = len(data)
        elif data and data[0] in _CONTENT_TYPES:
            size = _RECORD_HEAD
        if size > len(data):
            return b""
        self._unread = data[size:]
        return data[:size]

    def _begin(self) -> None:
        self._secured = True
        self._clear_deadline()
        self._flush()
        self._protocol.secured()

    def _fail(self, error: BaseException) -> None:
        """Ends the connection because of its TLS."""
        self._clear_deadline()
        if not self._protocol.peer.closed:
            self._protocol.tls_failed(error)
        self._socket.abort()

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _flush(self) -> None:
        if self._outgoing.pending and not self._socket.is_closing():
            self._socket.write(self._outgoing.read())

    # Towards the protocol

    def write(self, data: bytes) -> None:
        """Sends bytes."""
        rest = memoryview(data)
        while rest and not self._said_goodbye:
            rest = rest[self._tls.write(rest) :]
        self._flush()

    def set_write_buffer_limits(self, high: int) -> None:
        """As of any transport; the bytes that wait are encrypted."""
        self._socket.set_write_buffer_limits(high=high)

    def pause_reading(self) -> None:
        """Nothing more is read from the socket."""
        self._wanted = False

    def resume_reading(self) -> None:
        """Gives what has come already, then reads on."""
        self._wanted = True
        self._loop.call_soon(self._go_on)

    def is_closing(self) -> bool:
        """Whether it has ended, or will when all is sent."""
        return self._socket.is_closing()

    def can_write_eof(self) -> bool:
        """TLS can end one direction (RFC 8446, 6.1)."""
        return self._socket.can_write_eof()

    def write_eof(self) -> None:
        """Says goodbye; what the client still sends is read."""
        self._say_goodbye()
        self._socket.write_eof()

    def close(self) -> None:
        """Ends it once all is sent."""
        if self._secured:
            self._say_goodbye()
        self._socket.close()

    def abort(self) -> None:
        """Ends it at once."""
        self._clear_deadline()
        self._socket.abort()

    def _say_goodbye(self) -> None:
        if self._said_goodbye or self._socket.is_closing():
            return
        self._said_goodbye = True
        try:
            self._tls.unwrap()
        except ssl.SSLError:  # the client's goodbye is not waited for
            pass
        self._flush()
