"""HTTP on one connection: reads requests and has them answered in order, within every budget.

An answer is made by a plain function where it holds little, by a task where it holds much, and piece by piece where it
is long. While one is being made, and while the client does not read, nothing further is read from it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from exporter.server.budget import FREE
from exporter.server.http import LAST_CHUNK, Answer, Request, Stream, chunk
from exporter.server.lifecycle import SEND_TIMEOUT, Lifecycle
from exporter.server.reader import HEAD, IDLE, RequestReader, too_large

if TYPE_CHECKING:
    from exporter.server.listener import Listener

_log = logging.getLogger("threatboard")

TURN = 0.001
"""Seconds of work for one connection in one go."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_OVERLOADED = Answer.refusal(503, "too_many_pages", "too many pages are being read; try again")

Turn = tuple[Request, Answer | None, bytes, bool]
"""A request that is whole: its head, its refusal or its body, and whether the connection goes on after it."""


class HttpProtocol(Lifecycle):
    """See above."""

    def __init__(self, listener: "Listener", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(listener, loop)
        self._reader: RequestReader | None = None
        self._unread = b""
        self._waiting: deque[Turn] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stream: Stream | None = None
        self._stream_goes_on = self._chunked = True
        self._in_work = self._encrypted = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._held = 0
        self._reading = True
        self._has_turn = self._has_answered = False
        self._client_reads = True

    # What the lifecycle asks

    @property
    def answering(self) -> bool:
        return self._task is not None or self._stream is not None

    def _under_way(self) -> bool:
        reading = self._reader is not None and self._reader.receiving != IDLE
        return self.answering or reading or bool(self._unread or self._encrypted)

    def _has_spoken(self) -> bool:
        return self._reader is not None or self._has_answered

    def _path(self) -> bytes:
        return self._reader.path if self._reader is not None else b""

    def _begin(self) -> None:
        self.go_on()  # with what came in the same breath as the end of the handshake

    def _release(self) -> None:
        if self._reader is not None:
            self._reader.stop()
        self._unread = b""
        self._waiting = None
        self._hold(self._in_work)  # until its body is gone
        self.peer.give_up()
        self._listener.inflight.leave(self)
        self._end_stream()
        self._clear_deadline()
        self._clear_send_deadline()

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
        else:
            self._work(data)

    def go_on(self) -> None:
        """Takes another turn, with what was read and not looked at yet."""
        self._has_turn = False
        data, self._unread = self._unread, b""
        if not self._ended:
            self._work(data)
        elif not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

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

    def _is_blocked(self) -> bool:
        return self.answering or not self._client_reads

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

    def _hold(self, size: int) -> None:
        before, self._held = self._held, size
        self._listener.inflight.change(before, size)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self, receiving: int, seconds: float) -> None:
        self._deadline = None
        part = "head" if receiving == HEAD else "body"
        self.end(Answer.refusal(408, "timeout", f"the request's {part} took longer than {seconds:g}s"))

    # What the reader asks

    @property
    def max_body(self) -> int:
        return self._listener.limits.max_body

    def screen(self, request: Request) -> Answer | None:
        self._clear_deadline()  # the body has its own
        return self._listener.application.screen(request, self.peer)

    def invite(self) -> None:
        self._transport.write(_CONTINUE)

    def serve(self, request: Request, refusal: Answer | None, body: bytes, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        if self._is_blocked():  # what else was in the same piece
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((request, refusal, body, keep_alive))
        else:
            self._answer(request, refusal, body, keep_alive)

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
        self._deadline = self._loop.call_later(self._listener.limits.body_timeout, self._transport.close)

    # Answering

    def _answer(self, request: Request, refusal: Answer | None, body: bytes, keep_alive: bool) -> None:
        if refusal is not None:
            if refusal.reason:
                self._listener.application.refused(refusal.reason, refusal.sentence, request.path, self.peer.address)
            self._give(refusal, request, keep_alive)
            return
        try:
            made = self._listener.application.answer(request, body, self.peer)
        except Exception:  # noqa: BLE001  # httptools would make a fault of ours look like the sender's
            made = self._fault(request)
        if isinstance(made, Answer):
            self._give(made, request, keep_alive)
        elif isinstance(made, Stream):
            self._send(made, request, keep_alive)
        else:
            self._in_work = len(body)
            self._hold(self._held + len(body))
            self._task = self._loop.create_task(self._work_on(made, request, keep_alive))

    def _fault(self, request: Request) -> Answer:
        _log.exception("a request could not be answered")
        sentence = "threatboard failed to answer this; its log says why"
        self._listener.application.refused("internal", sentence, request.path, self.peer.address)
        return Answer.refusal(500, "internal", sentence)

    async def _work_on(self, made: Coroutine[None, None, Answer], request: Request, keep_alive: bool) -> None:
        try:
            answer = await made
        except Exception:  # noqa: BLE001
            answer = self._fault(request)
        self._task = None
        self._hold(self._held - self._in_work)
        self._in_work = 0
        if not self.peer.closed:
            self._give(answer, request, keep_alive)
            self._next()

    def _give(self, answer: Answer, request: Request, keep_alive: bool) -> None:
        keep_alive = keep_alive and not self._last and not self._listener.draining
        if not self._half_closed and not self._transport.is_closing():
            self._transport.write(answer.encoded(keep_alive, request))
        self._settle(keep_alive, answer.welcome)

    def _settle(self, keep_alive: bool, welcome: bool) -> None:
        """After an answer: the connection goes on, or ends."""
        self.last_used = self._loop.time()
        self._has_answered = True
        if welcome and not self._welcome:
            self._welcome = True
            self._listener.connections.welcome(self, self.peer.address)
        if not keep_alive:
            self._ended = True
            self._unread = b""
            self._transport.close()

    def _next(self) -> None:
        """After an answer that took its time: what came meanwhile."""
        while self._waiting and not self._ended and not self._is_blocked():
            self._answer(*self._waiting.popleft())
        if not self._ended and not self._is_blocked():
            self.go_on()

    # Long answers, and clients that do not read

    def _send(self, stream: Stream, request: Request, keep_alive: bool) -> None:
        if request.method == b"HEAD":
            self._transport.write(stream.head(keep_alive, request))
            self._settle(keep_alive, welcome=True)
        elif not self._listener.streams.begin(self):
            self._answer(request, _OVERLOADED, b"", keep_alive)
        else:
            keep_alive = keep_alive and not self._last and not self._listener.draining and request.version != "1.0"
            self._stream, self._stream_goes_on, self._chunked = stream, keep_alive, request.version != "1.0"
            self._transport.write(stream.head(keep_alive, request))
            self._expect_reader()
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Sends one piece; between two pieces the others' events are taken."""
        stream = self._stream
        if stream is None or not self._client_reads or self._transport.is_closing():
            return
        try:
            data = next(stream.chunks, None)
        except Exception:  # noqa: BLE001
            _log.exception("a page could not be made to its end")
            self.abort()
            return
        if data is None:
            self._transport.write(LAST_CHUNK if self._chunked else b"")
            stream.done()
            self._end_stream()
            self._settle(self._stream_goes_on, welcome=True)
            self._next()
            return
        if data:
            self._transport.write(chunk(data) if self._chunked else data)
        self._loop.call_soon(self._pump)

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream = None
            self._listener.streams.end(self)
            self._clear_send_deadline()

    def pause_writing(self) -> None:
        self._client_reads = False
        self._listener.streams.stand_still(self)
        self._expect_reader()
        self._read_or_not()

    def resume_writing(self) -> None:
        self._client_reads = True
        self._listener.streams.move(self)
        if self._stream is not None:
            self._loop.call_soon(self._pump)
        else:
            self._clear_send_deadline()
            self._loop.call_soon(self._next)

    def _expect_reader(self) -> None:
        if self._send_deadline is None:
            self._send_deadline = self._loop.call_later(SEND_TIMEOUT, self.cut)

    def _clear_send_deadline(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None
