"""Answers of one connection, in the order of their requests, and clients that do not read them.

An answer is made by a plain function where it holds little, by a task where it holds much, and piece by piece where it
is long.
"""

import asyncio
import logging
from abc import abstractmethod
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from exporter.server.http import LAST_CHUNK, Answer, Asked, Made, Request, Stream, chunk
from exporter.server.lifecycle import SEND_TIMEOUT, Lifecycle

if TYPE_CHECKING:
    from exporter.server.listener import Listener

_log = logging.getLogger("threatboard")

_OVERLOADED = Answer.refusal(503, "too_many_pages", "too many pages are being read; try again")

Turn = tuple[Request, Answer | None, bytes, bool]
"""A request that is whole: its head, its refusal or its body, and whether the connection goes on after it."""


class Answering(Lifecycle):
    """A connection whose requests are answered; how they are read is up to what is built on it."""

    def __init__(self, listener: "Listener", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(listener, loop)
        self._waiting: deque[Turn] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stream: Stream | None = None
        self._stream_goes_on = self._chunked = True
        self._send_deadline: asyncio.TimerHandle | None = None
        self._in_work = self._held = 0
        self._has_answered = False
        self._client_reads = True
        self._in_round = False

    # What reading must do

    @abstractmethod
    def go_on(self) -> None:
        """Takes another turn, with what was read and not looked at yet."""

    @abstractmethod
    def _read_or_not(self) -> None:
        """Pauses or resumes reading, as it may now be done."""

    @abstractmethod
    def _is_reading(self) -> bool:
        """Is more being read? Not while there is something that was not looked at."""

    @abstractmethod
    def _forget_unread(self) -> None:
        """Nothing more of what was read will be looked at."""

    # Answering

    @property
    def answering(self) -> bool:
        return self._in_round or self._task is not None or self._stream is not None

    def _is_blocked(self) -> bool:
        return self.answering or not self._client_reads

    def serve(self, request: Request, refusal: Answer | None, body: bytes, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        if self._is_blocked():  # what else was in the same piece
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((request, refusal, body, keep_alive))
        else:
            self._answer(request, refusal, body, keep_alive)

    def _hold(self, size: int) -> None:
        before, self._held = self._held, size
        self._listener.inflight.change(before, size)

    def _answer(self, request: Request, refusal: Answer | None, body: bytes, keep_alive: bool) -> None:
        if refusal is not None:
            if refusal.reason:
                self._listener.application.refused(refusal.reason, refusal.sentence, request.path, self.peer.address)
            self._give(refusal, request, keep_alive)
            return
        try:
            (made,) = self._listener.application.answers([Asked(request, body, self.peer)])
        except Exception:  # noqa: BLE001  # httptools would make a fault of ours look like the sender's
            made = self.fault(request)
        self._begin_answer(made, request, body, keep_alive)

    def _begin_answer(self, made: Made, request: Request, body: bytes, keep_alive: bool) -> None:
        if isinstance(made, Answer):
            self._give(made, request, keep_alive)
        elif isinstance(made, Stream):
            self._send(made, request, keep_alive)
        else:
            self._in_work = len(body)
            self._hold(self._held + len(body))
            self._listener.turns.long_answers += 1
            self._task = self._loop.create_task(self._work_on(made, request, keep_alive))

    def fault(self, request: Request) -> Answer:
        """The answer where making one failed, within the handling of that error."""
        _log.exception("a request could not be answered")
        sentence = "threatboard failed to answer this; its log says why"
        self._listener.application.refused("internal", sentence, request.path, self.peer.address)
        return Answer.refusal(500, "internal", sentence)

    def conclude(self, asked: Asked, made: Made) -> None:
        """Gives the answer of a request that waited for the end of its round."""
        self._in_round = False
        if self.peer.closed and isinstance(made, Answer | Stream):
            return
        self._begin_answer(made, asked.request, asked.body, True)
        if not self._is_reading():
            self._next()

    def eof_received(self) -> None:
        if self._in_round:
            self._listener.round.work()  # before the transport closes itself
        super().eof_received()

    async def _work_on(self, made: Coroutine[None, None, Answer], request: Request, keep_alive: bool) -> None:
        try:
            answer = await made
        except Exception:  # noqa: BLE001
            answer = self.fault(request)
        self._listener.turns.long_answers -= 1
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
            self._forget_unread()
            self._close()

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
            if not self._transport.is_closing():
                self._clear_send_deadline()
            self._loop.call_soon(self._next)

    def _expect_reader(self) -> None:
        if self._send_deadline is None:
            self._send_deadline = self._loop.call_later(SEND_TIMEOUT, self.cut)

    def _clear_send_deadline(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None

    def _release(self) -> None:
        self._waiting = None
        self._hold(self._in_work)  # until its body is gone
        self.peer.give_up()
        self._end_stream()
        self._clear_send_deadline()
