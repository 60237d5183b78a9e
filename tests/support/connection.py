"""One connection of a listener without a network: an event loop with a clock, a transport that keeps bytes."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import cast

from exporter.config import Config
from exporter.config.kinds import Address
from exporter.server.budget import Holder, Inflight, Turns
from exporter.server.http import Answer, Asked, Connection, Request, Stream
from exporter.server.listener import Application as Answering
from exporter.server.listener import Listener
from exporter.server.protocol import HttpProtocol

FAULTY = b"faulty"
ECHOED = b"echo "


class Timer:
    """A timer of the loop below."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As much of an event loop as a protocol needs; `pass_time` moves its clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[..., None], *args: object) -> Timer:
        self.timers.append(Timer(self.now + seconds, lambda: call(*args)))
        return self.timers[-1]

    def call_soon(self, call: Callable[..., None], *args: object) -> None:
        self.call_later(0.0, call, *args)

    def create_task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """On the loop that runs, for tests that have one."""
        return asyncio.get_running_loop().create_task(work)

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
        self.closed = self.paused = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_paused(self) -> bool:
        return self.paused

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", 1

    def set_write_buffer_limits(self, high: int) -> None:
        """Nothing waits here."""


class Application:
    """Answers 204, or what is to be echoed."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.refuses = False

    def screen(self, _request: Request, _connection: Connection) -> Answer | None:
        return Answer.refusal(401, "unauthorized", "no") if self.refuses else None

    def answers(self, asked: Sequence[Asked]) -> Sequence[Answer | Stream]:
        if any(one.body == FAULTY for one in asked):
            raise ZeroDivisionError
        return [Answer(200, one.body) if one.body.startswith(ECHOED) else self.answer() for one in asked]

    def answer(self) -> Answer | Stream:
        return Answer(204, welcome=True)

    def refused(self, reason: str, *_: object) -> None:
        self.reasons.append(reason)


HEAD_TIMEOUT = 5.0
REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"


class Immediate(Turns):
    """Every turn at once."""

    def add(self, holder: Holder) -> None:
        holder.go_on()


def give(protocol: HttpProtocol, data: bytes) -> None:
    """Bytes come in on a connection, as a transport gives them."""
    while data:
        buffer = protocol.get_buffer(-1)
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


class Subject:
    """One connection of a listener that answers 204."""

    def __init__(self, application: Answering | None = None) -> None:
        self.loop, self.transport = Loop(), Transport()
        turns = Immediate()
        limits = replace(Config().intake, head_timeout=HEAD_TIMEOUT, body_timeout=HEAD_TIMEOUT)
        self.listener = Listener("x", Address("127.0.0.1", 0), limits, Inflight(1 << 20, turns), turns)
        self.application = application or Application()
        self.listener.application = self.application
        self.protocol = self.connect(self.transport)

    def connect(self, transport: Transport) -> HttpProtocol:
        """One more connection of the same listener."""
        protocol = HttpProtocol(self.listener, cast("asyncio.AbstractEventLoop", self.loop))
        protocol.connection_made(cast("asyncio.Transport", transport))
        return protocol

    @property
    def refused(self) -> list[str]:
        assert isinstance(self.application, Application)
        return self.application.reasons

    def receive(self, data: bytes) -> None:
        """Bytes come in, as a transport gives them, and the round ends."""
        give(self.protocol, data)
        self.listener.round.work()

    def close(self) -> None:
        """Frees the port."""
        self.listener.close()
