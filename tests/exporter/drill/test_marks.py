"""Marks that were taken are remembered while they are valid, and never more than there is room for."""

from exporter.config import Config, FalcoSettings
from exporter.config.cluster import DrillSettings
from exporter.config.credentials import Secret
from exporter.drill.mark import AHEAD, VALID, Mark, make
from exporter.intake.drill import DrillCounted, Marks, drills
from exporter.intake.ruling import Adds, FalcoRuling
from exporter.metrics import Metrics
from exporter.sources.falco_events import FalcoAlert, Fields
from tests.support.clock import FakeClock

KEY = Secret(b"a key that nobody knows")


def mark(number: int, at: float = 0.0) -> Mark:
    return Mark(f"mark {number}", "ids", at)


def test_a_mark_is_new_once_and_then_known_with_its_event_alone() -> None:
    marks = Marks()
    assert marks.take(mark(1), "node-1", 7, 0.0) is True
    assert marks.take(mark(1), "node-1", 7, 1.0) is False
    assert marks.take(mark(1), "node-1", 8, 1.0) is None
    assert marks.take(mark(1), "node-1", 7, 2.0) is False
    assert marks.take(mark(1), "node-2", 8, 2.0) is True


def test_past_the_limit_no_mark_is_taken_until_others_have_expired() -> None:
    marks = Marks(limit=3)
    for number in range(3):
        assert marks.take(mark(number), "", 0, float(number)) is True
    assert marks.take(mark(3), "", 0, 100.0) is None
    assert marks.take(mark(0), "", 0, 100.0) is False, "what was known still is"
    assert len(marks) == 3
    assert marks.take(mark(3), "", 0, VALID + AHEAD + 0.5) is True, "the first has expired"
    assert marks.take(mark(4), "", 0, VALID + AHEAD + 0.5) is None
    assert len(marks) == 3
    assert marks.take(mark(4), "", 0, 1e9) is True
    assert len(marks) == 1


def test_a_mark_is_forgotten_only_once_it_is_refused_for_its_age() -> None:
    """At whatever time in its validity it was taken."""
    clock = FakeClock()
    recognised = drills(DrillSettings(key=KEY), Marks(), clock)
    ruling = FalcoRuling(FalcoSettings(), recognised)

    def is_drill(text: str, output: str) -> bool:
        fields = Fields({"evt.arg.linkpath": f"/tmp/{text}"})
        labels = ("r", "warning", "syscall", "", "node-1", "threatboard-drill", "pod-1", "drill")
        return ruling(FalcoAlert(*labels, None, output, fields)).tuned.get("suppressed") == "drill"

    for taken_at in (-AHEAD, 0.0, VALID):
        began = clock.wall
        text = make(KEY, "ids", began - taken_at).text
        assert is_drill(text, "the act")
        while clock.wall < began + VALID + 2 * AHEAD:
            clock.advance(10.0)
            assert not is_drill(text, "another")
            assert is_drill(make(KEY, "ids", clock.wall - 0.5).text, "a drill each ten seconds")


def test_when_a_control_was_proven_is_shown_for_a_week_and_a_day() -> None:
    clock = FakeClock()
    metrics = Metrics(clock=clock)
    DrillCounted(Adds("threat_falco_suppressed_total", ("r", "drill")), "ids", "node-1", 2.0).tally(metrics)
    metrics.accept("ids", "node-1", None, clock.time())
    shown = metrics.store.families["threat_drill_last_success_timestamp_seconds"]
    for days, there in ((7.9, 1), (0.2, 0)):
        clock.advance(days * 86400)
        metrics.store.expire(6 * 3600.0, 1 << 62)
        assert len(shown) == there
        assert len(metrics.store.families["threat_last_event_timestamp_seconds"]) == 0


def test_without_a_key_nobody_looks_for_marks() -> None:
    assert drills(Config().drill, Marks()) is None
    assert FalcoRuling(FalcoSettings()).single == ()
