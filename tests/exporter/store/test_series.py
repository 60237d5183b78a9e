"""The counter store: zero first, bounded, expiring, and never a page that cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalog import Metric
from exporter.store.creation import CreationClock
from exporter.store.series import SLICE, Family
from exporter.store.store import Store
from tests.support.clock import FakeClock

ALERTS = Metric(
    "t_alerts_total",
    "counter",
    "Alerts.",
    ("rule", "priority", "ns"),
    stored=True,
    zero_first=True,
    overflow={"priority": ("critical", "notice")},
    share=("rule", "ns"),
)
SEEN = Metric("t_seen_seconds", "gauge", "Last seen.", ("hostname",), stored=True)


def make(metric: Metric = ALERTS, limit: int = 100, clock: FakeClock | None = None) -> Family:
    clock = clock or FakeClock()
    return Family(metric, limit, CreationClock(clock), clock)


def text(family: Family, cutoff: int | None = None) -> str:
    return b"".join(family.slices(cutoff)).decode()


def shown(family: Family, cutoff: int | None = None) -> dict[tuple[str, ...], float]:
    """What a reader of the page gets: label values -> value."""
    return {
        tuple(sample.labels[label] for label in family.metric.labels): sample.value
        for read in text_string_to_metric_families(text(family, cutoff))
        for sample in read.samples
    }


def test_a_series_reads_zero_for_a_cutoff_before_its_birth_and_its_value_after() -> None:
    family = make()
    family.add(("r", "critical", "shop"))
    family.add(("r", "critical", "shop"))
    birth = family._creation.latest

    assert shown(family, birth - 1)["r", "critical", "shop"] == 0
    assert shown(family, birth)["r", "critical", "shop"] == 2
    assert shown(family, None)["r", "critical", "shop"] == 2


def test_one_young_series_does_not_hide_the_old_ones_of_its_slice() -> None:
    family = make()
    family.add(("old", "critical", "shop"))
    cutoff = family._creation.latest
    family.add(("new", "critical", "shop"))

    assert shown(family, cutoff)["old", "critical", "shop"] == 1
    assert shown(family, cutoff)["new", "critical", "shop"] == 0


def test_creation_rise_even_when_the_clock_steps_back() -> None:
    clock = FakeClock()
    creation = CreationClock(clock)
    first = creation.stamp()
    clock.wall -= 3600

    assert creation.stamp() > first


def test_overflow_series_are_there_at_zero_from_the_start() -> None:
    assert shown(make()) == {("other", "critical", "other"): 0, ("other", "notice", "other"): 0}


def test_past_the_limit_a_critical_alert_still_raises_a_critical_series() -> None:
    family = make(limit=20)
    for number in range(50):
        family.add((f"r{number}", "notice", "shop"))
    family.add(("never seen", "critical", "shop"))

    assert shown(family)["other", "critical", "other"] == 1
    assert shown(family)["other", "notice", "other"] == 30
    assert family.overflowed == 31
    assert len(family) == 20 + 2


def test_a_closed_label_with_a_value_outside_its_set_is_other_in_the_overflow() -> None:
    family = make(
        metric=Metric("t_total", "counter", "T.", ("source",), stored=True, overflow={"source": ("a", "other")}),
        limit=1,
    )
    family.add(("x",))
    family.add(("y",))

    assert shown(family) == {("a",): 0, ("other",): 1, ("x",): 1}


def test_one_rule_in_one_namespace_takes_a_tenth_of_the_limit_at_most() -> None:
    clock = FakeClock()
    metric = Metric("t_total", "counter", "T.", ("rule", "ns", "pod"), stored=True, overflow={}, share=("rule", "ns"))
    family = make(metric, limit=100, clock=clock)
    for number in range(50):
        family.add(("flood", "shop", f"pod-{number}"))
    family.add(("quiet", "shop", "pod-1"))

    assert sum(labels[0] == "flood" for labels in shown(family)) == 10
    assert shown(family)["quiet", "shop", "pod-1"] == 1

    clock.advance(7200)
    family.expire(3600)
    family.add(("flood", "shop", "pod-50"))
    assert shown(family)["flood", "shop", "pod-50"] == 1


def test_a_gauge_past_the_limit_is_left_out_and_counted() -> None:
    family = make(SEEN, limit=1)
    family.set(("a",), 5)
    family.set(("b",), 6)
    family.set(("a",), 7)

    assert shown(family) == {("a",): 7}
    assert family.overflowed == 1


def test_a_gauge_is_never_shown_at_zero_first() -> None:
    family = make(SEEN)
    family.set(("a",), 1_900_000_000)

    assert shown(family, cutoff=0) == {("a",): 1_900_000_000}


def test_an_idle_series_leaves_and_a_returning_one_is_born_anew() -> None:
    clock = FakeClock()
    family = make(clock=clock)
    family.add(("idle", "critical", "shop"))
    clock.advance(3000)
    family.add(("busy", "critical", "shop"))
    clock.advance(1000)
    family.expire(idle=3600)

    assert ("idle", "critical", "shop") not in shown(family)
    assert shown(family)["busy", "critical", "shop"] == 1
    assert family.expired == 1

    cutoff = family._creation.latest
    family.add(("idle", "critical", "shop"))
    assert shown(family, cutoff)["idle", "critical", "shop"] == 0
    assert shown(family)["idle", "critical", "shop"] == 1
    assert shown(family)["busy", "critical", "shop"] == 1


def test_the_wall_clock_jumping_ahead_expires_nothing() -> None:
    clock = FakeClock()
    family = make(clock=clock)
    family.add(("r", "critical", "shop"))
    clock.wall += 86400
    family.expire(idle=3600)

    assert shown(family)["r", "critical", "shop"] == 1


def test_overflow_series_never_expire() -> None:
    clock = FakeClock()
    family = make(clock=clock)
    clock.advance(1e6)
    family.expire(idle=1)

    assert len(family) == 2


@pytest.mark.parametrize("count", [SLICE - 1, SLICE, SLICE + 1, 3 * SLICE])
def test_slices_hold_every_series_once(count: int) -> None:
    family = make(SEEN, limit=10 * SLICE)
    for number in range(count):
        family.set((f"n{number}",), number)

    assert shown(family) == {(f"n{number}",): number for number in range(count)}


def test_the_largest_value_is_written_whole() -> None:
    family = make(SEEN)
    family.set(("a",), 2**64 - 1)

    assert f" {2**64 - 1}\n" in text(family)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=20))
def test_any_label_text_survives_the_page(keys: list[tuple[str, str, str]]) -> None:
    """Quotes, backslashes, line feeds, per cent signs: what prometheus_client's parser reads is what was counted."""
    family = make(limit=1000)
    for key in keys:
        family.add(key)

    expected = {key: keys.count(key) for key in keys}
    assert {key: value for key, value in shown(family).items() if value} == expected


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=200))
def test_totals_agree_whatever_the_order_of_creation_and_expiries(steps: list[tuple[int, bool]]) -> None:
    """No event is lost or moved to another series while slots are freed and used again."""
    clock = FakeClock()
    family = make(limit=15, clock=clock)
    alive: dict[str, int] = {}
    touched: dict[str, float] = {}
    overflow = 0
    for number, expire in steps:
        clock.advance(1)
        rule = f"r{number}"
        if expire:
            family.expire(idle=10)
            for gone in [rule for rule, when in touched.items() if clock.steady - when > 10]:
                del alive[gone], touched[gone]
        family.add((rule, "critical", "shop"))
        if rule in alive or len(alive) < 15:
            alive[rule] = alive.get(rule, 0) + 1
            touched[rule] = clock.steady
        else:
            overflow += 1

    expected: dict[tuple[str, ...], float] = {(rule, "critical", "shop"): count for rule, count in alive.items()}
    expected |= {("other", "critical", "other"): overflow, ("other", "notice", "other"): 0}
    assert shown(family) == expected


def test_a_new_limit_holds_for_every_family() -> None:
    store = Store([ALERTS, SEEN], 1, 1 << 20, FakeClock())
    store.resize(2, 1 << 20)
    for name in ("a", "b", "c"):
        store.families["t_seen_seconds"].set((name,), 1)

    assert len(store.families["t_seen_seconds"]) == 2
