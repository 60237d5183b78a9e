"""Large bodies that wait for their turn, and senders that leave meanwhile: what is counted, and what is still held."""

import asyncio
import gc
import gzip
import json
import threading
from collections.abc import Sequence
from contextlib import closing

import pytest

from exporter import intake
from exporter.config import Config
from exporter.events import Recent
from exporter.intake import LARGE, Intake
from exporter.intake.pipeline import Pipeline, Route
from exporter.intake.refusals import Refusals
from exporter.intake.ruling import as_it_is
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.server.protocol import HttpProtocol
from exporter.sources import Event, Rejected, Source
from exporter.sources.falco import parse
from tests.support.clock import FakeClock
from tests.support.connection import Subject, Transport, give
from tests.support.receiver import alert

EVENTS = 200
BODY = json.dumps([alert()] * EVENTS).encode()
PACKED = gzip.compress(BODY)
HEAD = b"POST /falco HTTP/1.1\r\ncontent-length: %d\r\n%b\r\n"
REQUESTS = {
    "large": HEAD % (len(BODY), b"") + BODY,
    "compressed": HEAD % (len(PACKED), b"content-encoding: gzip\r\n") + PACKED,
}
SENDERS = 20


class Bodies:
    """A listener with the intake behind it, whose parser waits until it is let go."""

    def __init__(self) -> None:
        clock = FakeClock()
        self.gate = threading.Event()
        self.parsed = 0
        self.metrics = Metrics(clock=clock)
        intake = Intake(
            Config, Pipeline(self.metrics, EventLines(Recent(), None), clock), self.metrics, Refusals(clock)
        )
        intake.routes = {b"/falco": Route(Source("ids", self._parse, ""), as_it_is)}
        self.subject = Subject(intake)
        self.inflight = self.subject.listener.inflight
        self.inflight.limit = 1 << 30

    def _parse(self, body: bytes, max_events: int) -> Sequence[Event | Rejected]:
        self.gate.wait(20)
        self.parsed += 1
        return parse(body, max_events)

    def send(self, data: bytes) -> HttpProtocol:
        protocol = self.subject.connect(Transport())
        give(protocol, data)
        self.subject.listener.round.work()
        return protocol

    @property
    def accepted(self) -> float:
        return self.metrics.values("threat_events_accepted_total")["ids",]

    @property
    def left(self) -> float:
        return self.metrics.values("threat_events_rejected_total")["ids", "unread_answer"]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def count_futures() -> int:
    return sum(isinstance(one, asyncio.Future) for one in gc.get_objects())


async def finish(bodies: Bodies) -> None:
    bodies.gate.set()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others), 20)


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_body_counts_as_held_until_it_is_gone_and_one_that_waits_is_dropped_with_its_connection(kind: str) -> None:
    assert len(BODY) > LARGE
    request = REQUESTS[kind]
    size = len(request) - request.index(b"\r\n\r\n") - 4

    async def scenario(bodies: Bodies) -> None:
        first, *others = [bodies.send(request) for _ in range(SENDERS)]
        await settle()
        assert bodies.inflight.used == SENDERS * size
        for one in (first, *others[:-1]):
            one.connection_lost(None)
        assert bodies.inflight.used >= 2 * size  # the one that is being read, and the one whose sender is there
        await settle()
        assert len(asyncio.all_tasks()) == 3  # these two, and this test
        assert bodies.inflight.used == 2 * size
        assert bodies.subject.listener.turns.long_answers == 2
        await finish(bodies)
        assert bodies.inflight.used == 0
        assert bodies.subject.listener.turns.long_answers == 0
        assert bodies.parsed == 2
        assert bodies.accepted == 2 * EVENTS
        assert bodies.left == SENDERS - 2

    bodies = Bodies()
    with closing(bodies.subject):
        asyncio.run(scenario(bodies))


def test_a_body_that_is_being_counted_is_counted_whole_whoever_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "SLICE", 1)

    async def scenario(bodies: Bodies) -> None:
        bodies.gate.set()
        one = bodies.send(REQUESTS["large"])
        while not bodies.accepted:
            await asyncio.sleep(0)
        assert bodies.accepted < EVENTS
        one.connection_lost(None)
        await finish(bodies)
        assert bodies.accepted == EVENTS
        assert (bodies.left, bodies.inflight.used) == (0, 0)

    bodies = Bodies()
    with closing(bodies.subject):
        asyncio.run(scenario(bodies))


def test_senders_that_come_and_leave_again_and_again_leave_nothing_behind() -> None:
    async def scenario(bodies: Bodies) -> None:
        bodies.send(REQUESTS["compressed"])
        await settle()
        held, futures = bodies.inflight.used, count_futures()
        for _ in range(300):
            one = bodies.send(REQUESTS["compressed"])
            await settle()
            one.connection_lost(None)
            await settle()
        assert bodies.inflight.used == held
        assert len(asyncio.all_tasks()) == 2
        assert count_futures() < futures + 10
        await finish(bodies)
        assert (bodies.parsed, bodies.accepted) == (1, EVENTS)

    bodies = Bodies()
    with closing(bodies.subject):
        asyncio.run(scenario(bodies))


def test_who_left_before_its_round_ended_is_not_waited_for() -> None:
    async def scenario(bodies: Bodies) -> None:
        bodies.send(REQUESTS["compressed"])
        bodies.send(REQUESTS["compressed"])
        await settle()
        held = bodies.inflight.used
        late = bodies.subject.connect(Transport())
        give(late, REQUESTS["compressed"])
        late.connection_lost(None)
        bodies.subject.listener.round.work()
        await settle()
        assert (bodies.left, bodies.inflight.used) == (1, held)
        await finish(bodies)
        assert bodies.accepted == 2 * EVENTS

    bodies = Bodies()
    with closing(bodies.subject):
        asyncio.run(scenario(bodies))
