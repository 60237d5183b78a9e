"""HTTP on one connection: reads requests, within every budget, and has them answered in order.

While an answer is being made, and while the client does not read, nothing further is read from it.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from exporter.server.answering import Answering
from exporter.server.budget import FREE
from exporter.server.http import Answer, Request
from exporter.server.reader import HEAD, IDLE, RequestReader, too_large
from exporter.server.rounds import MAX_BODY

if TYPE_CHECKING:
    from exporter.server.listener import Listener

TURN = 0.001
"""Seconds of work for one connection in one go."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpProtocol(Answering):
    """See above."""

    def __init__(self, listener: "Listener", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(listener, loop)
        self._reader: RequestReader | None = None
        self._unread = b""
        self._encrypted = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._reading = True
        self._has_turn = False

    # What the lifecycle asks

    def _under_way(self) -> bool:
        reading = self._reader is not None and self._reader.receiving != IDLE
        return self.answering or reading or bool(self._unread or self._encrypted)

    def _has_spoken(self) -> bool:
        return self._reader is not None or self._has_answered or self._ended

    def _path(self) -> bytes:
        return self._reader.path if self._reader is not None else b""

    def _begin(self) -> None:
        self.go_on()  # with what came in the same breath as the end of the handshake

    def _release(self) -> None:
        if self._reader is not None:
            self._reader.stop()
        self._unread = b""
        self._listener.inflight.leave(self)
        self._clear_deadline()
        super()._release()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reader is not None and self._reader.receiving > HEAD and not self._ended:
            self.refused("truncated", "the connection ended in the middle of a body")
        super().connection_lost(exc)

    # Reading

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # what the transport would like
        return self._listener.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self._ended:
            self._drop()
            return
        data = self._listener.received(nbytes)
        if self._unread or not self._secured:  # what a transport still had when it was told to pause
            self._unread += data
        elif not self._joins_round(data):
            self._work(data)

    def _joins_round(self, data: bytes) -> bool:
        """Whether the data are one short request with a known head, which is answered at the end of the round."""
        reader = self._reader
        if self._is_blocked() or (reader is not None and reader.receiving != IDLE):
            return False
        known = self._listener.heads.match(data)
        if known is None or known.end != len(data) or known.end - known.start > min(MAX_BODY, self.max_body):
            return False
        if self.screen(known.request) is not None:
            return False
        self._in_round = True
        self._listener.round.add(self, known.request, data[known.start :], self._loop)
        return True

    def go_on(self) -> None:
        """Takes another turn, with what was read and not looked at yet."""
        self._has_turn = False
        data, self._unread = self._unread, b""
        if not self._ended:
            self._work(data)
        elif not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def _is_reading(self) -> bool:
        return self._reading

    def _forget_unread(self) -> None:
        self._unread = b""

    def _drop(self) -> None:
        """What comes after the last answer is dropped, a read a turn: a flood of it would leave no time for others."""
        if self._reading and not self._has_turn and not self._transport.is_closing():
            self._has_turn, self._reading = True, False
            self._transport.pause_reading()
            self._listener.turns.add(self)

    def _work(self, data: bytes) -> None:
        """One turn: serves what is in the data, and leaves what is too much for later."""
        until = 0.0
        while data and not self._is_blocked():
            data = self._take(data)
            if self._ended:
                self._reader = None  # with up to three times the bytes of a head that was too large
                return
            now = time.perf_counter() if data else 0.0
            until = until or now + TURN
            if now > until:
                break
        self._unread = data
        if data and not self._is_blocked() and not self._has_turn:
            self._has_turn = True
            self._listener.turns.add(self)
        self._watch()

    def _take(self, data: bytes) -> bytes:
        """Serves a request whose head is known, or gives a piece to the parser; returns the rest."""
        reader = self._reader
        if reader is None or reader.receiving == IDLE:
            known = self._listener.heads.match(data)
            if known is not None:
                request, start, end = known
                refusal = self.screen(request)
                if refusal is None and end - start > self.max_body:
                    refusal = too_large(self.max_body)
                self.serve(request, refusal, data[start:end], True)
                return data[end:]
            if reader is None:
                reader = self._reader = RequestReader(self)
            reader.candidate = self._listener.heads.candidate(data)
        size = reader.wanted
        reader.feed(data[:size])
        if reader.learned is not None:
            self._listener.heads.learn(*reader.learned)
            reader.learned = None
        return data[size:]

    def hold_encrypted(self, size: int) -> None:
        """Notes the bytes of TLS records that are not whole yet, or not looked at."""
        if size != self._encrypted:
            self._encrypted = size
            self._watch()

    def _watch(self) -> None:
        """After each turn: what is under way has a deadline from its first byte, and counts as held."""
        reader = self._reader
        receiving = reader.receiving if reader is not None else IDLE
        held = self._in_work + len(self._unread) + (reader.held if reader is not None and receiving else 0)
        if self._encrypted:
            held += self._encrypted
            receiving = receiving or HEAD
        if held or self._held:
            self._hold(held)
        inflight = self._listener.inflight
        if receiving and held > FREE and inflight.full and not self._is_blocked():
            inflight.wait(self)
        if receiving == IDLE or inflight.waits(self):
            self._clear_deadline()
        elif self._deadline is None:
            limits = self._listener.limits
            seconds = limits.head_timeout if receiving == HEAD else limits.body_timeout
            self._deadline = self._loop.call_later(seconds, self._too_slow, receiving, seconds)
        self._read_or_not()

    def _read_or_not(self) -> None:
        """Pauses or resumes reading: no more is read than can be worked on."""
        wanted = not (self._unread or self._is_blocked() or self._listener.inflight.waits(self))
        if wanted != self._reading and not self._transport.is_closing():
            self._reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self, receiving: int, seconds: float) -> None:
        self._deadline = None
        part = "head" if receiving == HEAD else "body"
        self.end(Answer.refusal(408, "timeout", f"the request's {part} took longer than {seconds:g}s"))
        self._reader = None

    # What the reader asks

    @property
    def max_body(self) -> int:
        return self._listener.limits.max_body

    def screen(self, request: Request) -> Answer | None:
        self._clear_deadline()  # the body has its own
        return self._listener.application.screen(request, self.peer)

    def invite(self) -> None:
        self._transport.write(_CONTINUE)

    def end(self, answer: Answer) -> None:
        """Gives the last answer of this connection. What the client still sends is read and dropped for a while.

        Closing at once would reset the connection, and the client would see that instead of the answer.
        """
        self.refused(answer.reason, answer.sentence)
        self._ended = True
        self._unread = b""
        self._hold(self._in_work)
        self._clear_deadline()
        self._read_or_not()
        if self._transport.is_closing():
            return
        if not self.answering:
            self._transport.write(answer.encoded(keep_alive=False, request=Request(b"", b"", [])))
        self._deadline = self._loop.call_later(self._listener.limits.body_timeout, self._close)
