"""What people did becomes figures: each once, and none that nobody knows."""

from pathlib import Path

import pytest

from exporter.pollers.alertmanager import episodes
from exporter.pollers.alertmanager.episodes import GRACE, KEPT
from tests.support.desk import HOUR, Desk

FIRED = "alert_episodes A critical ids shop"
SILENCED = "alerts_presilenced A critical ids shop"
UNSEEN = "alerts_resolved_unacknowledged critical"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    opened = Desk(tmp_path)
    opened.run(60)
    return opened


def took(what: str, *seconds: float) -> dict[str, object]:
    return {f"{what} critical": len(seconds), f"{what} critical sum": pytest.approx(sum(seconds))}


def gone(desk: Desk, key: str) -> None:
    """The alert ends, and the grace passes."""
    desk.resolve(key)
    desk.run(GRACE + 15)


def test_an_alert_is_acknowledged_judged_and_resolved(desk: Desk) -> None:
    key = desk.fire()
    desk.run(180)
    ack = desk.silence()
    desk.run(240)
    desk.edit(ack, "TP")
    desk.run(180)
    gone(desk, key)
    assert desk.counted() == {
        FIRED: 1,
        "verdicts A acknowledged": 1,
        "verdicts A true_positive": 1,
        **took("acknowledge", 180),
        **took("triage", 420),
        **took("resolve", 600),
    }


def test_nobody_looks_at_an_alert(desk: Desk) -> None:
    key = desk.fire()
    desk.run(300)
    assert [one.open for one in desk.kept.book.episodes()] == [True]
    gone(desk, key)
    assert [one.open for one in desk.kept.book.episodes()] == [False]
    assert desk.counted() == {FIRED: 1, UNSEEN: 1, **took("resolve", 300)}


def test_a_silence_that_was_there_before_is_no_acknowledgement(desk: Desk) -> None:
    desk.silence(minutes=60)
    desk.run(120)
    key = desk.fire()
    desk.run(300)
    assert not any(one.open for one in desk.kept.book.episodes())
    gone(desk, key)
    assert desk.counted() == {FIRED: 1, SILENCED: 1, **took("resolve", 300)}


def test_when_such_a_silence_ends_people_are_told_and_their_time_begins(desk: Desk) -> None:
    desk.silence(minutes=10)
    desk.run(300)
    desk.fire()
    desk.run(330)
    assert [one.open for one in desk.kept.book.episodes()] == [True]
    desk.run(90)
    desk.silence()
    desk.run(30)
    assert desk.counted() == {FIRED: 1, SILENCED: 1, "verdicts A acknowledged": 1, **took("acknowledge", 120)}


def test_refired_under_the_silence_of_its_last_acknowledgement_it_is_presilenced(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    desk.silence(minutes=30)
    desk.run(60)
    gone(desk, key)
    desk.fire()
    desk.run(60)
    assert desk.counted() == {
        FIRED: 2,
        SILENCED: 1,
        "verdicts A acknowledged": 1,
        **took("acknowledge", 60),
        **took("resolve", 120),
    }


def test_a_silence_that_ended_before_the_next_look_is_an_acknowledgement(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    desk.clock.advance(3)
    ack = desk.silence()
    desk.clock.advance(2)
    desk.expire(ack)
    desk.run(30)
    assert desk.counted() == {FIRED: 1, "verdicts A acknowledged": 1, **took("acknowledge", 63)}


def test_with_other_matchers_the_silence_is_another_and_the_first_time_counts(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    desk.expire(desk.silence())
    desk.run(60)
    desk.silence(minutes=120, pod="")
    desk.run(60)
    assert desk.counted() == {FIRED: 1, "verdicts A acknowledged": 1, **took("acknowledge", 60)}


def test_an_extended_silence_judges_once_and_at_its_first_word(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    verdict = desk.silence(comment="FP")
    for _ in range(5):
        desk.run(300)
        desk.edit(verdict, minutes=15)
    desk.run(60)
    assert desk.counted() == {
        FIRED: 1,
        "verdicts A acknowledged": 1,
        "verdicts A false_positive": 1,
        **took("acknowledge", 60),
        **took("triage", 60),
    }


def test_a_verdict_that_changes_is_a_change(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    verdict = desk.silence(comment="FP")
    desk.run(60)
    desk.edit(verdict, "BREACH")
    desk.run(60)
    desk.silence(comment="TP")
    desk.run(60)
    counted = desk.counted()
    assert counted["verdicts A false_positive"] == 1
    assert "verdicts A breach" not in counted
    assert counted["verdict_changes A false_positive breach"] == 1
    assert counted["verdict_changes A breach true_positive"] == 1
    assert counted["triage critical"] == 1


def test_a_late_verdict_counts_where_it_names_the_alert(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    gone(desk, key)
    desk.run(HOUR, 60)
    desk.silence(comment="FP")
    desk.run(60)
    counted = desk.counted()
    assert counted["verdicts A false_positive"] == 1
    assert "verdicts A acknowledged" not in counted
    assert counted[UNSEEN] == 1


def test_a_late_verdict_over_every_alert_of_a_rule_judges_those_that_fire(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    gone(desk, key)
    desk.fire(namespace="cart")
    desk.run(60)
    desk.silence(comment="FP", namespace="")
    desk.run(60)
    assert desk.counted()["verdicts A false_positive"] == 1


def test_a_verdict_is_about_the_newest_firing_that_it_can_be_about(desk: Desk) -> None:
    for _ in range(3):
        key = desk.fire()
        desk.run(60)
        gone(desk, key)
    desk.silence(comment="TP")
    desk.run(60)
    assert desk.counted()["verdicts A true_positive"] == 1
    assert [one.verdict for one in desk.kept.book.episodes()] == ["", "", "true_positive"]


def test_a_silence_over_everything_acknowledges_and_judges_nothing(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    desk.silence("", "FP", namespace="shop")
    desk.run(60)
    assert desk.counted() == {FIRED: 1, "verdicts A acknowledged": 1, **took("acknowledge", 60)}


def test_a_verdict_written_before_the_alert_does_not_judge_it(desk: Desk) -> None:
    desk.silence(comment="FP", minutes=600)
    desk.run(60)
    desk.fire()
    desk.run(60)
    assert desk.counted() == {FIRED: 1, SILENCED: 1}


def test_a_silence_that_was_planned_is_no_acknowledgement(desk: Desk) -> None:
    desk.silence(ahead=120)
    desk.fire()
    desk.run(180)
    assert desk.counted() == {FIRED: 1}
    assert not any(one.open for one in desk.kept.book.episodes())


def test_an_inhibited_alert_is_told_when_it_is_no_longer(desk: Desk) -> None:
    key = desk.fire(inhibited=True)
    desk.run(300)
    assert desk.counted() == {}
    desk.alerts[key] = desk.alerts[key]._replace(inhibited=False)
    desk.run(60)
    desk.silence()
    desk.run(15)
    assert desk.counted() == {FIRED: 1, "verdicts A acknowledged": 1, **took("acknowledge", 60)}


def test_an_inhibited_alert_that_ends_never_was(desk: Desk) -> None:
    gone(desk, desk.fire(inhibited=True))
    assert desk.counted() == {}


def test_an_alertmanager_that_restarts_resolves_nothing(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    before = desk.restart_alertmanager()
    desk.run(GRACE - 30)
    desk.alerts = before
    desk.run(300)
    assert desk.counted() == {FIRED: 1}


def test_a_look_at_an_alertmanager_that_has_just_started_says_nothing_of_absence(desk: Desk) -> None:
    desk.fire()
    desk.run(60)
    desk.alerts = {}
    desk.run(GRACE - 15)
    desk.restart_alertmanager()
    desk.run(GRACE - 15)
    assert desk.counted() == {FIRED: 1}


def test_after_its_restart_it_may_hear_the_other_prometheus_first(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    before = desk.restart_alertmanager()
    desk.run(30)
    desk.alerts = {key: before[key]._replace(starts=before[key].starts + 40)}
    desk.run(300)
    assert desk.counted() == {FIRED: 1}


def test_two_firings_between_two_looks_are_two(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    desk.resolve(key)
    desk.clock.advance(8)
    desk.fire()
    desk.clock.advance(4)
    desk.run(60)
    assert desk.counted()[FIRED] == 2


def test_one_that_comes_back_with_its_old_beginning_ends_once(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    alert = desk.alerts[key]
    gone(desk, key)
    desk.alerts[key] = alert
    desk.run(60)
    gone(desk, key)
    assert desk.counted() == {FIRED: 1, UNSEEN: 1, **took("resolve", 60)}


def test_killed_and_restarted_it_counts_nothing_twice_and_loses_nothing(desk: Desk) -> None:
    judged, seen, later = (desk.fire(pod=str(number)) for number in range(3))
    desk.run(60)
    verdict = desk.silence(comment="FP", pod="0")
    desk.silence(pod="1")
    desk.run(60)
    before = desk.counted()
    for _ in range(3):
        desk.restart()
        desk.run(60)
    assert desk.counted() == before
    desk.clock.advance(60)  # while it is away somebody acknowledges, and the silence's comment is edited
    desk.silence(pod="2")
    desk.clock.advance(60)
    desk.edit(verdict, "TP")
    desk.restart()
    desk.run(15)
    assert desk.counted() == {
        **before,
        "verdicts A acknowledged": 3,
        **took("acknowledge", 60, 60, 360),
        "verdict_changes A false_positive true_positive": 1,
    }
    for key in (judged, seen, later):
        desk.resolve(key)
    desk.run(GRACE + 30)
    assert desk.counted()["resolve critical"] == 3
    assert UNSEEN not in desk.counted()


def test_without_its_file_what_is_older_is_not_counted_late() -> None:
    desk = Desk()
    desk.run(60)
    seen, unseen = desk.fire(pod="0"), desk.fire(pod="1")
    desk.run(60)
    verdict = desk.silence(comment="FP", pod="0")
    desk.run(60)
    desk.alerts, kept = {}, desk.alerts  # Alertmanager restarts as well
    desk.restart()
    desk.run(60)
    desk.alerts = kept
    desk.run(60)
    assert desk.counted() == {}
    desk.silence(pod="1")
    desk.run(60)
    desk.edit(verdict, "TP")
    desk.run(60)
    desk.resolve(seen)
    desk.resolve(unseen)
    desk.run(GRACE + 30)
    assert desk.counted() == {
        "verdicts A acknowledged": 1,
        **took("acknowledge", 240),
        "verdict_changes A false_positive true_positive": 1,
        **took("resolve", 360, 360),
    }


def test_a_resolved_episode_is_kept_as_long_as_silences_are(desk: Desk) -> None:
    key = desk.fire()
    desk.run(60)
    gone(desk, key)
    desk.run(KEPT - HOUR, 1800)
    assert len(list(desk.kept.book.episodes())) == 1
    desk.run(2 * HOUR, 1800)
    assert desk.kept.book.alerts == {}


def test_of_too_many_the_oldest_that_are_over_go_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "MAX_EPISODES", 10)
    for number in range(8):
        key = desk.fire(pod=str(number))
        desk.run(15)
        gone(desk, key)
    firing = [desk.fire(pod=f"firing-{number}") for number in range(6)]
    desk.run(30)
    left = [one.labels["pod"] for one in desk.kept.book.episodes()]
    assert left == ["4", "5", "6", "7", *(f"firing-{number}" for number in range(6))]
    assert len(firing) == 6


def test_a_hundred_silences_over_a_thousand_alerts_are_applied_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known costs nothing more: in a big incident nobody may wait for the next look."""
    for number in range(1000):
        desk.fire(f"A{number % 10}", pod=str(number))
    for number in range(100):
        desk.silence(f"A{number % 10}", namespace="elsewhere")
    desk.look()
    asked = 0

    def holds(*_: object) -> bool:
        nonlocal asked
        asked += 1
        return False

    monkeypatch.setattr(episodes.Episode, "holds", holds)
    desk.clock.advance(15)
    desk.look()
    assert asked == 0
