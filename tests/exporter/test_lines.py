"""Lines are made later than events are counted, and none is lost, doubled or kept waiting for long by that."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import pytest

from exporter.events import KindLine, Recent
from exporter.lines import MAX_UNMADE, EventLines, LineWriter
from exporter.sources import Repeat


@dataclass
class Writer:
    """Keeps what is to be written, and what is to be called soon."""

    lines: list[bytes] = field(default_factory=list)
    flushed: int = 0
    closed: int = 0
    due: list[Callable[[], None]] = field(default_factory=list)

    def add(self, text: bytes) -> None:
        self.lines.append(text)

    def soon(self, flush: Callable[[], None]) -> None:
        self.due.append(flush)

    def flush(self) -> None:
        self.flushed = len(self.lines)

    async def close(self, _patience: float) -> None:
        self.closed = self.flushed

    def pass_time(self) -> None:
        due, self.due = self.due, []
        for flush in due:
            flush()


class Numbered:
    """Stands for the line of a kind: an event's line is its number."""

    def of(self, _received: float, event: int) -> bytes:
        if event < 0:
            raise ZeroDivisionError
        return b"%d" % event


KIND = cast("KindLine", Numbered())


class Subject:
    def __init__(self, writes: bool = True) -> None:
        self.writer = Writer()
        self.recent = Recent()
        self.recent.resize(10_000, 1 << 20)
        self.lines = EventLines(self.recent, cast("LineWriter", self.writer) if writes else None)

    def take(self, *numbers: int) -> None:
        for number in numbers:
            self.lines.add_later(0.0, partial(KIND.of, 0.0, cast("Repeat", number)))

    @property
    def kept(self) -> list[int]:
        """Newest first, as a reader sees them."""
        return [int(record.text) for record in self.recent]


def test_lines_are_written_at_one_flush_after_the_first_event() -> None:
    subject = Subject()
    subject.take(1, 2, 3)
    assert subject.writer.lines == []
    assert len(subject.writer.due) == 1
    subject.writer.pass_time()
    assert subject.writer.lines == [b"1", b"2", b"3"]
    assert subject.writer.flushed == 3
    subject.take(4)
    subject.writer.pass_time()
    assert subject.writer.flushed == 4


def test_a_line_that_is_made_already_stays_in_its_place() -> None:
    subject = Subject()
    subject.take(1)
    subject.lines.add(0.0, b"2")
    subject.take(3)
    subject.writer.pass_time()
    assert subject.writer.lines == [b"1", b"2", b"3"]
    subject.lines.add(0.0, b"4")
    subject.writer.pass_time()
    assert subject.writer.flushed == 4


@pytest.mark.parametrize("writes", [True, False])
def test_who_reads_sees_every_event_that_was_taken(writes: bool) -> None:
    subject = Subject(writes)
    subject.take(1, 2)
    assert subject.kept == [2, 1]
    subject.take(3)
    assert [int(record.text) for _, record in subject.recent.numbered()] == [3, 2, 1]


@pytest.mark.parametrize("writes", [True, False])
def test_no_more_than_some_wait(writes: bool) -> None:
    made: list[int] = []
    subject = Subject(writes)
    subject.recent.add = lambda record: made.append(int(record.text))  # type: ignore[method-assign]
    subject.take(*range(MAX_UNMADE - 1))
    assert made == []
    subject.take(MAX_UNMADE - 1)
    assert made == list(range(MAX_UNMADE))


def test_at_the_end_everything_is_written() -> None:
    subject = Subject()
    subject.take(1, 2)
    asyncio.run(subject.lines.close(1.0))
    assert subject.writer.closed == 2
    asyncio.run(Subject(writes=False).lines.close(1.0))


def test_a_line_that_cannot_be_made_takes_no_others_along(caplog: pytest.LogCaptureFixture) -> None:
    subject = Subject()
    subject.take(1, -1, 2)
    subject.writer.pass_time()
    assert subject.writer.lines == [b"1", b"2"]
    assert "ZeroDivisionError" in caplog.text
