"""A flood of series is bounded in number and in bytes, clears in minutes, and does not come back with a restart."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from exporter import catalog
from exporter.catalog import MAX_LABEL_BYTES, Metric
from exporter.server.http import Connection
from exporter.store.series import LEAVES_EARLY
from exporter.store.store import Store
from tests.support.clock import FakeClock
from tests.support.kept import ALERTS, SEEN, Kept

COUNTED = Metric("t_total", "counter", "T.", ("rule", "ns"), stored=True, zero_first=True, overflow={}, share=("rule",))
OTHERS = Metric("t_others", "gauge", "O.", ("hostname",), stored=True)
MAX_BYTES = 1 << 20
EVER = 1 << 62

HOSTILE = ["x" * MAX_LABEL_BYTES, '"' * MAX_LABEL_BYTES, "\\" * MAX_LABEL_BYTES, "😀" * (MAX_LABEL_BYTES // 4)]


def make(limit: int = 100_000, max_bytes: int = MAX_BYTES) -> tuple[Store, FakeClock]:
    clock = FakeClock()
    return Store([COUNTED, OTHERS], limit, max_bytes, clock), clock


def hostile(number: int, text: str) -> tuple[str, str]:
    mark = str(number)
    return mark + text[len(mark) * 4 :], text


def taken_by_a_full_store(text: str, first: int) -> int:
    """Bytes that a store takes whose series have such labels."""
    store, _ = make()
    gc.collect()
    tracemalloc.start()
    for number in range(first, first + 20_000):
        if store.families["t_total"].overflowed > 10:
            break
        store.families["t_total"].add(hostile(number, text))
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.families["t_total"].overflowed
    assert store.bytes <= MAX_BYTES
    return taken


@pytest.mark.parametrize("text", [*HOSTILE, "short"])
def test_series_take_no_more_memory_than_allowed_whatever_their_text(text: str) -> None:
    # The interpreter's own table of interned strings may happen to grow in one of them, for all that it has ever held.
    taken = min(taken_by_a_full_store(text, first) for first in (0, 100_000))
    assert 0.5 * MAX_BYTES < taken < 1.15 * MAX_BYTES


def test_the_bytes_are_shared_by_all_families_and_what_finds_no_room_is_counted() -> None:
    store, _ = make()
    family, others = store.families["t_total"], store.families["t_others"]
    for number in range(5000):
        family.add((f"r{number}", "x" * MAX_LABEL_BYTES))
    others.set(("node-1",), 5)
    assert family.overflowed > 10
    assert others.overflowed == 1
    assert sum(sample.value for sample in family.samples()) == 5000


def test_room_that_was_left_is_given_again() -> None:
    store, clock = make()
    before = store.bytes
    for _ in range(3):
        for number in range(2000):
            store.families["t_total"].add((f"r{number}", "x" * MAX_LABEL_BYTES))
        clock.advance(7200)
        store.expire(3600, seen=0)
        assert store.bytes == before


def flood(store: Store, kind: str, family: str = "t_total") -> int:
    """Fills a family up to a bound; the number of series that found no place."""
    counted = store.families[family]
    for number in range(4000):
        labels = (f"r{number}", "x" * MAX_LABEL_BYTES) if kind == "bytes" else (f"r{number}", "")
        if kind == "share":
            labels = ("loud", f"ns-{number}")
        counted.add(labels)
    return counted.overflowed


@pytest.mark.parametrize("kind", ["limit", "share", "bytes"])
def test_a_flood_clears_in_minutes_and_a_true_new_alert_gets_its_labels_back(kind: str) -> None:
    store, clock = make(limit=1000)
    family = store.families["t_total"]
    flood(store, kind)
    new = ("loud", "true") if kind == "share" else ("true", "x" * MAX_LABEL_BYTES)
    family.add(new)
    assert new not in {sample.labels for sample in family.samples()}
    for _ in range(int(LEAVES_EARLY // 30) + 2):
        clock.advance(30)
        store.expire(6 * 3600, seen=EVER)
        family.add(new)
    assert new in {sample.labels for sample in family.samples()}
    assert family.expired > 0


def test_the_longest_idle_leave_first_and_no_more_than_a_part_at_a_time() -> None:
    store, clock = make(limit=1000)
    family = store.families["t_total"]
    flood(store, "limit")
    for number in range(500):
        clock.advance(0.1)
        family.add((f"r{number}", ""))
    clock.advance(LEAVES_EARLY + 1)
    family.add(("turned away", ""))
    store.expire(6 * 3600, seen=EVER)
    left = {sample.labels[0] for sample in family.samples()}
    assert family.expired == 100
    assert all(f"r{number}" in left for number in range(500))


@pytest.mark.parametrize(
    ("what", "idle", "seen", "turned_away"),
    [("not seen", 2.0, 0, True), ("not idle", 0.5, EVER, True), ("nobody waits", 2.0, EVER, False)],
)
def test_nothing_leaves_early_that_is(what: str, idle: float, seen: int, turned_away: bool) -> None:
    """Before a Prometheus has seen it; while a rule may look back at it; while there is room for all."""
    store, clock = make(limit=1000)
    family = store.families["t_total"]
    flood(store, "limit")
    store.expire(6 * 3600, seen=0)
    clock.advance(idle * LEAVES_EARLY)
    if turned_away:
        family.add(("new", ""))
    store.expire(6 * 3600, seen=seen)
    assert family.expired == 0, what


def test_overflow_series_never_leave_early() -> None:
    store, clock = make(limit=10)
    flood(store, "limit")
    clock.advance(LEAVES_EARLY + 1)
    store.families["t_total"].add(("new", ""))
    store.expire(6 * 3600, seen=EVER)
    assert ("other", "other") in {sample.labels for sample in store.families["t_total"].samples()}


def test_a_restart_with_a_full_hostile_state_stays_within_the_same_memory(tmp_path: Path) -> None:
    """Also where an older version left more than is allowed now: that began a crash loop."""
    with Kept(tmp_path, limit=100_000, max_bytes=8 * MAX_BYTES) as first:
        for number in range(20_000):
            first.alerts.add(hostile(number, HOSTILE[1]))
        held = len(first.alerts)
        assert first.store.bytes > 7 * MAX_BYTES
    for max_bytes, kept in ((8 * MAX_BYTES, held), (MAX_BYTES, held // 8)):
        gc.collect()
        tracemalloc.start()
        with Kept(tmp_path, limit=100_000, max_bytes=max_bytes) as second:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert second.store.bytes <= max_bytes
            assert abs(len(second.alerts) - kept) < 10
            assert peak < 1.3 * max_bytes + 2 * MAX_BYTES
    with Kept(tmp_path, limit=100_000, max_bytes=8 * MAX_BYTES) as third:
        assert abs(len(third.alerts) - held // 8) < 10, "what was left out is gone from the files as well"


def test_a_limit_costs_what_is_used(tmp_path: Path) -> None:
    tracemalloc.start()
    with Kept(tmp_path, limit=1_000_000_000):
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert taken < 1 << 20
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.cells")) < 1 << 20


NODE_METRICS = [metric.name for metric in catalog.METRICS.values() if metric.at_most == catalog.MAX_NODE_SERIES]


def test_metrics_that_count_by_node_are_bounded_whatever_the_limit() -> None:
    assert len(NODE_METRICS) >= 5
    store = Store([catalog.METRICS[name] for name in NODE_METRICS], 1_000_000, 1 << 30, FakeClock())
    for name in NODE_METRICS:
        family = store.families[name]
        width = len(family.metric.labels) - 1
        assert "hostname" in family.metric.labels
        for number in range(catalog.MAX_NODE_SERIES + 5):
            family.set((*["x"] * width, f"node-{number}"), 1)
        assert family.overflowed == 5


def test_what_every_live_scraper_has_seen_is_what_the_slowest_has(tmp_path: Path) -> None:
    with Kept(tmp_path, metrics=(ALERTS, SEEN)) as kept:
        quick, slow, once = Connection("10.0.0.1"), Connection("10.0.0.2"), Connection("10.0.0.3")
        assert kept.scrapers.seen() == 0
        kept.scrapers.answer(once)
        once.closed = True
        for _ in range(2):
            kept.scrapers.answer(quick), kept.scrapers.answer(slow)
            kept.clock.advance(15)
        kept.add("new")
        created = kept.store.creation.latest
        kept.scrapers.answer(quick)
        kept.clock.advance(15)
        kept.scrapers.answer(quick)
        assert kept.scrapers.seen() < created
        kept.scrapers.answer(slow)
        kept.clock.advance(15)
        kept.scrapers.answer(slow)
        assert kept.scrapers.seen() == created
