"""What comes together has answers of its own each, in order, whatever is among it."""

import asyncio
import gzip
import json
from collections.abc import Callable, Sequence

import pytest

from exporter.app import routes
from exporter.config import Config
from exporter.events import Recent
from exporter.intake import LARGE, SLICE, Intake
from exporter.intake.drill import Marks
from exporter.intake.pipeline import Pipeline
from exporter.intake.refusals import Refusals
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.server.http import Answer, Asked, Connection, Headers, Request
from tests.support.clock import FakeClock
from tests.support.receiver import alert

GZIP: Headers = [(b"content-encoding", b"gzip")]


class Subject:
    def __init__(self) -> None:
        clock = FakeClock()
        self.metrics = Metrics(clock=clock)
        self.lines = EventLines(Recent(), None)
        self.intake = Intake(Config, Pipeline(self.metrics, self.lines, clock), self.metrics, Refusals(clock))
        self.intake.routes = routes(Config(), Marks())

    def answers(self, *posted: tuple[bytes, Headers]) -> list[int]:
        async def made() -> Sequence[Answer]:
            asked = [Asked(Request(b"POST", b"/falco", how), body, Connection("a")) for body, how in posted]
            found = self.intake.answers(asked)
            return [one if isinstance(one, Answer) else await one for one in found]

        return [answer.status for answer in asyncio.run(made())]


GOOD = json.dumps(alert()).encode()
BATCH = json.dumps([alert()] * 100).encode()


def test_each_has_its_own() -> None:
    subject = Subject()
    plain: Headers = []
    found = subject.answers(
        (GOOD, plain), (b"no", plain), (gzip.compress(BATCH), GZIP), (BATCH, plain), (b"", plain), (GOOD, plain)
    )
    assert found == [204, 400, 204, 204, 400, 204]
    assert subject.metrics.values("threat_events_accepted_total")["ids",] == 202
    assert subject.answers((GOOD, plain), (b"no", plain), (GOOD, plain)) == [204, 400, 204]


def test_of_a_large_body_no_events_are_kept_for_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    most = waiting = 0
    add, settle = EventLines.add_later, EventLines.settle

    def counted(lines: EventLines, received: float, make: Callable[[], bytes]) -> None:
        nonlocal most, waiting
        add(lines, received, make)
        waiting += 1
        most = max(most, waiting)

    def settled(lines: EventLines) -> None:
        nonlocal waiting
        settle(lines)
        waiting = 0

    monkeypatch.setattr(EventLines, "add_later", counted)
    monkeypatch.setattr(EventLines, "settle", settled)
    subject = Subject()
    assert len(BATCH) > LARGE
    subject.answers((BATCH, []), (BATCH, []))
    assert (most, waiting) == (SLICE, 0)
