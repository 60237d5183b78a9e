"""The intake's protocol without a network: when an idle connection ends, and which heads are too large."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from exporter.catalog import MAX_HEAD_BYTES
from exporter.intake.protocol import DirectProtocol
from exporter.server.http import Answer, Request
from exporter.server.protocol import Limits

IDLE = 100.0
HEAD_TIMEOUT = 5.0
REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"
LARGE = b"x-much: " + b"a" * MAX_HEAD_BYTES + b"\r\n"


class Timer:
    """A timer of the loop below."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Done:
    """A task that is."""

    def add_done_callback(self, call: Callable[["Done"], None]) -> None:
        call(self)


class Loop:
    """As much of an event loop as a protocol needs; `pass_time` moves its clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def create_task(self, work: Coroutine[None, None, None]) -> asyncio.Future[None]:
        """Does work that waits for nothing, at once."""
        with pytest.raises(StopIteration):
            work.send(None)
        return cast("asyncio.Future[None]", Done())

    def pass_time(self, seconds: float) -> None:
        """Runs what is due until then."""
        until = self.now + seconds
        while due := [timer for timer in self.timers if not timer.cancelled and timer.at <= until]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = first.at
            first.call()
        self.now = until


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Nothing reads here."""

    def resume_reading(self) -> None:
        """Nothing reads here."""

    def abort(self) -> None:
        self.closed = True

    def get_extra_info(self, _name: str) -> None:
        return None


class Subject:
    """One connection of an intake that answers 204."""

    def __init__(self) -> None:
        async def application(_scope: object, _receive: object, _send: object) -> None: ...

        async def take_slowly(_request: Request, _body: bytes) -> Answer:
            return Answer(204)

        self.loop, self.transport = Loop(), Transport()
        self.refused: list[str] = []
        config = Config(
            cast("Any", application), log_config=None, lifespan="off", ws="none", timeout_keep_alive=cast("int", IDLE)
        )
        self.protocol = DirectProtocol(
            config,
            ServerState(),
            cast("asyncio.AbstractEventLoop", self.loop),
            limits=Limits(head_timeout=HEAD_TIMEOUT),
            refused=lambda reason, _path: self.refused.append(reason),
            screen=lambda _request: None,
            take=lambda _request, _body: Answer(204),
            take_slowly=take_slowly,
        )
        self.protocol.connection_made(cast("asyncio.Transport", self.transport))


@pytest.fixture
def subject() -> Subject:
    return Subject()


def test_a_connection_that_was_never_used_ends_after_the_time_for_a_head(subject: Subject) -> None:
    subject.loop.pass_time(HEAD_TIMEOUT - 1)
    assert not subject.transport.closed
    subject.loop.pass_time(1)
    assert subject.transport.closed


def test_each_request_begins_the_idle_time_anew(subject: Subject) -> None:
    subject.protocol.data_received(REQUEST)
    subject.loop.pass_time(IDLE - 1)
    subject.protocol.data_received(REQUEST)
    subject.loop.pass_time(IDLE - 1)
    assert not subject.transport.closed
    subject.loop.pass_time(1)
    assert subject.transport.closed


def test_a_thousand_requests_set_no_timer_each(subject: Subject) -> None:
    for _ in range(1000):
        subject.protocol.data_received(REQUEST)
    assert subject.transport.written.count(b"204 No Content") == 1000
    assert len(subject.loop.timers) == 1


def test_a_connection_is_not_idle_while_a_request_is_under_way(subject: Subject) -> None:
    subject.protocol.limits.body_timeout = 10.0
    subject.protocol.data_received(REQUEST)
    subject.loop.pass_time(IDLE - 1)
    subject.protocol.data_received(REQUEST[:-1])
    subject.loop.pass_time(2)
    assert not subject.transport.closed
    subject.protocol.data_received(REQUEST[-1:])
    assert subject.transport.written.count(b"HTTP/1.1 204") == 2
    subject.loop.pass_time(IDLE)
    assert subject.transport.closed


@pytest.mark.parametrize("before", [b"", REQUEST], ids=["the first", "the second in one read"])
def test_a_head_that_comes_whole_is_measured(subject: Subject, before: bytes) -> None:
    subject.protocol.data_received(before + REQUEST.replace(b"\r\n", b"\r\n" + LARGE, 1))
    assert subject.refused == ["head_too_large"]
    assert subject.transport.written.count(b"HTTP/1.1 204") == bool(before)
    assert b"HTTP/1.1 431" in subject.transport.written


def test_a_head_that_comes_in_pieces_and_asks_for_another_protocol_is_measured(subject: Subject) -> None:
    upgrade = b"upgrade: h2c\r\nconnection: upgrade\r\n"
    head = REQUEST.replace(b"\r\n", b"\r\n" + upgrade + LARGE, 1)
    subject.protocol.data_received(head[: MAX_HEAD_BYTES - 100])
    subject.protocol.data_received(head[MAX_HEAD_BYTES - 100 :])
    assert subject.refused == ["head_too_large"]


def test_a_large_body_in_the_same_read_makes_no_large_head(subject: Subject) -> None:
    body = b" " * (2 * MAX_HEAD_BYTES)
    subject.protocol.data_received(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    assert subject.transport.written == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert subject.refused == []
