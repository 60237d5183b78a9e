"""What is fuzzed: bytes from the network up to the page that Prometheus reads.

The first byte chooses the Content-Encoding and how many events a body may hold; the rest is the body. Whatever comes,
`check` must return: no error, only clean events and reasons of the catalog, no more events than allowed, lines that are
JSON, a page that can be read, and time in proportion to the size.
"""

import json
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter import catalog
from exporter.events import line
from exporter.intake.encoding import decompress
from exporter.sources import Rejected
from exporter.sources.falco import FALCO, parse
from exporter.store.ledger import Labels
from exporter.store.series import Family
from exporter.store.store import Store
from tests.exporter.sources.test_properties import assert_clean, assert_usable
from tests.support.clock import FakeClock

MAX_BODY = 1 << 16
MAX_EVENTS = (1, 2, 50, 10_000)
ENCODINGS = ("", "gzip", "identity", "br")

SECONDS_A_BYTE = 20e-6
PATIENCE = 0.2
"""Seconds that a body of any size may take: a slow moment of the machine."""

SEEDS = [
    bytes([choice]) + sample.read_bytes()
    for choice, sample in enumerate(sorted((Path(__file__).parent.parent / "samples" / "falco").iterdir()))
    if sample.is_file()
]


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever the code under test does, for bytes that it does not take well."""
    if not data:
        return
    choice, body = data[0], data[1 : MAX_BODY + 1]
    start = time.process_time()
    plain = decompress(body, ENCODINGS[choice >> 2 & 3], MAX_BODY)
    if isinstance(plain, Rejected):
        assert plain.reason in catalog.REJECT_REASONS
        assert_clean(plain.message)
        return
    most = MAX_EVENTS[choice & 3]
    found = parse(plain, most)
    taken = time.process_time() - start
    assert found
    assert len(found) <= most
    counted = Counted()
    for event in found[:100]:
        assert_usable(event)
        if not isinstance(event, Rejected):
            event.tally(counted)
            assert isinstance(json.loads(line(0.0, FALCO.control, event, {})), dict)
    for family in counted.moved:
        assert_page_can_be_read(counted.store.families[family])
    assert taken < PATIENCE + SECONDS_A_BYTE * len(plain), f"{len(plain)} bytes took {taken:.3f}s"


class Counted:
    """A store, and which of its families an event has moved."""

    def __init__(self) -> None:
        self.store = Store([metric for metric in catalog.METRICS.values() if metric.stored], 1000, 1 << 20, FakeClock())
        self.moved: set[str] = set()

    def add(self, metric: str, labels: Labels) -> None:
        self.set(metric, labels, 1)

    def set(self, metric: str, labels: Labels, value: int) -> None:
        self.moved.add(metric)
        self.store.families[metric].set(labels, value)

    def set_now(self, metric: str, labels: Labels) -> None:
        self.set(metric, labels, 1)

    def observe(self, metric: str, labels: Labels, value: float) -> None:
        """The fuzzer rules on nothing, and only a ruling observes."""


def assert_page_can_be_read(family: Family) -> None:
    page = b"".join(family.slices(None)).decode()
    read = [sample for found in text_string_to_metric_families(page) for sample in found.samples]
    assert len(read) == len(family)
    labels = [tuple(sample.labels[label] for label in family.metric.labels) for sample in read]
    assert sorted(labels) == sorted(sample.labels for sample in family.samples())
