"""What is shown of what was counted: each first count is seen to rise, and no text makes a page too large."""

from exporter.catalog import kpi
from exporter.pollers.alertmanager.counts import ACKNOWLEDGE, EPISODES, HOLD, VERDICTS, Counts
from tests.support.clock import FakeClock

LABELS = {"alertname": "A", "severity": "critical", "control": "ids", "namespace": "shop"}
KEY = ("A", "critical", "ids", "shop")


def test_a_new_series_is_0_for_as_long_as_the_slowest_scraper_takes() -> None:
    clock = FakeClock()
    counts = Counts(clock)
    clock.advance(1000)
    counts.fired(LABELS)
    counts.acknowledged(LABELS, 30)
    assert counts.shown()[EPISODES] == {KEY: 0}
    assert counts.shown()[VERDICTS]["A", "acknowledged"] == 0
    clock.advance(HOLD)
    assert counts.shown()[EPISODES] == {KEY: 1}
    assert counts.shown()[VERDICTS]["A", "acknowledged"] == 1
    counts.fired(LABELS)
    assert counts.shown()[EPISODES] == {KEY: 2}


def test_so_is_a_histogram_of_a_book_that_was_just_opened() -> None:
    clock = FakeClock()
    counts = Counts(clock)
    counts.acknowledged(LABELS, 300)
    buckets, total = counts.shown()[ACKNOWLEDGE]["critical",]  # type: ignore[misc]
    assert (buckets[-1], total) == (("+Inf", 0), 0.0)
    clock.advance(HOLD)
    buckets, total = counts.shown()[ACKNOWLEDGE]["critical",]  # type: ignore[misc]
    assert (buckets, total) == (
        [("60.0", 0), ("120.0", 0), *((str(bound), 1) for bound in kpi.SECONDS[2:]), ("+Inf", 1)],
        300.0,
    )


def test_the_share_within_five_and_ten_minutes_is_exact() -> None:
    assert {300.0, 600.0} <= set(kpi.SECONDS)


def test_past_the_limit_alerts_are_called_other() -> None:
    counts = Counts(FakeClock())
    for number in range(kpi.MAX_SERIES + 50):
        counts.fired({**LABELS, "namespace": f"n{number}"})
    series = counts.counters[EPISODES]
    assert len(series) == kpi.MAX_SERIES + 1
    assert series["other", "critical", "other", "other"] == 50


def test_labels_that_no_page_can_have_are_cut() -> None:
    counts = Counts(FakeClock())
    counts.fired({"alertname": "A" * 1000, "severity": "SEV1", "control": "mine", "namespace": "ü\ud800" * 200})
    ((name, severity, control, namespace),) = counts.counters[EPISODES]
    assert (len(name), severity, control, len(namespace.encode())) == (256, "other", "other", 255)


def test_clocks_that_differ_make_no_time_negative() -> None:
    counts = Counts(FakeClock())
    counts.acknowledged(LABELS, -3.0)
    assert counts.times[ACKNOWLEDGE]["critical",].sum == 0.0
