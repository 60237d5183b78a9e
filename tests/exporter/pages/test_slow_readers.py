"""Readers that stand still in the middle of a page hold little, however long the labels are."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from types import MappingProxyType

import pytest

from exporter.catalog import MAX_LABEL_BYTES
from exporter.config import Config
from exporter.metrics import Metrics
from exporter.pages import CHUNK, Pages, _gathered
from exporter.server.lifecycle import UNREAD_ANSWERS
from exporter.server.protocol import HttpProtocol
from exporter.server.streams import MAX_STREAMS
from exporter.store.scrapers import Scrapers
from tests.support.clock import FakeClock
from tests.support.connection import Subject, Transport, give

SERIES = 3000
OURS = 24 * 1024
"""What a connection and its page take beside what is in them, the short families' text among it."""

FRAME = 16
DEFLATE = 250 * 1024
"""What zlib needs for its window and tables; what it makes of a chunk is smaller than that by half."""


class Unread(Transport):
    """Holds what its reader has not taken, as asyncio's and uvloop's transports do."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: HttpProtocol
        self.waiting: list[bytes] = []
        self.largest = self.passed = 0

    def write(self, data: bytes) -> None:
        self.waiting.append(data)
        self.largest = max(self.largest, len(data))
        if sum(map(len, self.waiting)) > UNREAD_ANSWERS:
            self.protocol.pause_writing()

    def read(self) -> None:
        """The reader takes all that there is."""
        self.passed += sum(map(len, self.waiting))
        self.waiting.clear()
        self.protocol.resume_writing()


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    """A store whose labels are as long as they may be and cannot be compressed away."""
    clock = FakeClock()
    metrics = Metrics(limit=10 * SERIES, clock=clock)
    family = metrics.store.families["threat_falco_alerts_total"]
    for number in range(SERIES):
        labels = [f"{number:06d}{name}".ljust(MAX_LABEL_BYTES // 2, '"') for name in family.metric.labels]
        labels[-1] = str(number % 20)
        family.add(tuple(labels))
    assert len(family) > SERIES
    return metrics


@pytest.fixture
def subject(metrics: Metrics) -> Iterator[Subject]:
    clock = FakeClock()
    scrapers = Scrapers(metrics.store.creation, clock)
    pages = Pages(Config, metrics, scrapers, lambda: True, MappingProxyType({}), lambda *_: None)
    with closing(Subject(pages)) as subject:
        yield subject


def ask(subject: Subject, headers: bytes) -> Unread:
    transport = Unread()
    protocol = transport.protocol = subject.connect(transport)
    give(protocol, b"GET /metrics HTTP/1.1\r\n%b\r\n" % headers)
    subject.loop.pass_time(0)
    return transport


KINDS = {"plain": (b"", 0), "gzip": (b"accept-encoding: gzip\r\n", DEFLATE)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_stands_still_holds_one_chunk_of_its_page(subject: Subject, kind: str) -> None:
    headers, zlib_state = KINDS[kind]
    ask(subject, headers)  # what is only made once
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    readers = [ask(subject, headers) for _ in range(MAX_STREAMS // 2)]
    held = tracemalloc.get_traced_memory()[0] - before
    for reader in readers:
        reader.read()
    subject.loop.pass_time(0)
    held_later = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert all(reader.waiting and reader.passed for reader in readers)
    assert max(held, held_later) <= len(readers) * (CHUNK + OURS + zlib_state)


@pytest.mark.parametrize("kind", KINDS)
def test_every_write_of_a_page_is_bounded_and_waits_until_the_last_one_was_taken(subject: Subject, kind: str) -> None:
    reader = ask(subject, KINDS[kind][0])
    reads = 0
    while reader.waiting:
        assert sum(map(len, reader.waiting)) <= UNREAD_ANSWERS + CHUNK + FRAME
        reader.read()
        subject.loop.pass_time(0)
        reads += 1
    assert reads > 3
    assert reader.largest <= CHUNK + FRAME


def test_what_is_longer_than_a_chunk_is_sent_in_several() -> None:
    pieces = [b"a" * 10, b"c" * (CHUNK - 1), b"", b"d", b"b" * (3 * CHUNK + 5)]
    sent = list(_gathered(iter(pieces)))
    assert b"".join(sent) == b"".join(pieces)
    assert max(map(len, sent)) <= CHUNK
    assert len(sent) < 8
