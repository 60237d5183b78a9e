"""The intake's protocol: collects the body and calls a plain function.

What takes events needs no `await`, and a task for each request costs more than the request itself. Only a body that
holds much is answered in a task, so that nobody else waits for it.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from exporter.catalog import MAX_HEAD_BYTES
from exporter.server.http import Answer, Request
from exporter.server.protocol import BoundedProtocol

_log = logging.getLogger("threatboard")

LARGE = 8 * 1024
"""A body of more bytes than this is answered in a task; so is one that is compressed, which may hold any amount."""

LAST_WORDS = 0.5
"""Seconds for which an idle connection is still read after it was ended from this side."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Take = Callable[[Request, bytes], Answer]
"""Answers a whole request."""

TakeSlowly = Callable[[Request, bytes], Awaitable[Answer]]
"""Answers a whole request that holds much, and lets others be answered meanwhile."""

Screen = Callable[[Request], Answer | None]
"""Refuses a request by its head alone, or does not."""


class Turn(NamedTuple):
    """A request that is whole: its head, its refusal or its body, and whether the connection goes on after it."""

    request: Request
    refusal: Answer | None
    body: bytes
    keep_alive: bool

    @property
    def large(self) -> bool:
        return self.refusal is None and (len(self.body) > LARGE or self.request.header(b"content-encoding") != b"")


class DirectProtocol(BoundedProtocol):
    """A connection whose requests are answered in order, small ones by a plain function as soon as they are whole."""

    def __init__(self, *args: Any, screen: Screen, take: Take, take_slowly: TakeSlowly, **bounds: Any) -> None:
        super().__init__(*args, **bounds)
        self._screen = screen
        self._take = take
        self._take_slowly = take_slowly
        self._waiting: deque[Turn] = deque()
        self._busy = False
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
        if self._in_head or self._in_body or self._busy:
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
        under_way = self._in_head or self._in_body or self._busy
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
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        turn = Turn(self._request, self._refusal, body, self.parser.should_keep_alive())
        if self._busy:
            self._waiting.append(turn)
        elif turn.large:
            self._begin(turn)
        else:
            self._give(self._answer(turn), turn)

    def _answer(self, turn: Turn) -> Answer:
        if turn.refusal is not None:
            self._refused(turn.refusal.reason, turn.request.path)
            return turn.refusal
        try:
            return self._take(turn.request, turn.body)
        except Exception:  # noqa: BLE001  # httptools would make a fault of ours look like the sender's
            return self._fault(turn)

    def _fault(self, turn: Turn) -> Answer:
        _log.exception("a request could not be answered")
        self._refused("internal", turn.request.path)
        return Answer.refusal(500, "internal", "threatboard failed to take this; its log says why")

    def _give(self, answer: Answer, turn: Turn) -> None:
        keep_alive = turn.keep_alive and not self.limits.draining
        if self.transport.is_closing():
            return
        if not self._half_closed:
            self.transport.write(answer.encoded(keep_alive))
        if keep_alive:
            self._wait_for_next(self.timeout_keep_alive)
        else:
            self._ended = True
            self.transport.close()

    def _begin(self, turn: Turn) -> None:
        """Answers a large request in a task; what the client sends meanwhile waits."""
        self._busy = True
        self.flow.pause_reading()
        task = self.loop.create_task(self._work(turn))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _work(self, turn: Turn) -> None:
        while True:
            try:
                answer = await self._take_slowly(turn.request, turn.body) if turn.large else self._answer(turn)
            except Exception:  # noqa: BLE001
                answer = self._fault(turn)
            self._give(answer, turn)
            if self._ended or not self._waiting:
                break
            turn = self._waiting.popleft()
        self._busy = False
        self.flow.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()  # a client that does not read its answers gets no more of them

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._busy:
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
