"""The story's steps and checks fail when what they tell is not so."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from demo import checks
from demo.alertmanager import HeldAlert
from demo.checks import WATCHDOG, Seen
from demo.prometheus import Alert, Series
from demo.series import Target
from demo.servers import ROOT
from demo.slack import Message
from demo.stage import Stage
from demo.steps import Comes, Falco, Stays, StepError
from demo.story import INJECTION, INTRUSION, NOISE, STORY
from demo.terminal import RED, Terminal

SPIKE = "NetworkDnsSpike"
SERIES = "threat_falco_alerts_total{rule='r'}"


@dataclass
class FakePrometheus:
    """Answers every query with the same series."""

    found: list[Series] = field(default_factory=list)
    held: list[Alert] = field(default_factory=list)
    sends_to: list[str] = field(default_factory=list)

    def query(self, _expression: str) -> list[Series]:
        return self.found

    def alerts(self) -> list[Alert]:
        return self.held

    def alertmanagers(self) -> list[str]:
        return self.sends_to

    def check(self) -> None:
        """Runs for ever."""


@dataclass
class FakeAlertmanager(FakePrometheus):
    kept: list[HeldAlert] = field(default_factory=list)

    def alerts(self) -> list[HeldAlert]:  # type: ignore[override]
        return self.kept


@dataclass
class FakeSlack:
    messages: list[Message] = field(default_factory=list)


class FakeSimulator:
    targets = (Target("/one", {}, ()),)


def stage(prometheus: FakePrometheus | None = None, *messages: str, kept: tuple[HeldAlert, ...] = ()) -> Stage:
    fake = prometheus or FakePrometheus()
    slack = FakeSlack([Message(0.0, {"attachments": [{"title": title, "text": ""}]}) for title in messages])
    parts: Any = (fake, fake, FakeAlertmanager(kept=list(kept)), FakeSimulator(), slack, None)
    return Stage(*parts)


def samples(*values: float) -> FakePrometheus:
    return FakePrometheus([Series({}, tuple((float(at), value) for at, value in enumerate(values)))])


def alert(name: str, state: str = "firing") -> Alert:
    return Alert({"alertname": name}, {"description": "words"}, state, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("check", "seen", "holds"),
    [
        (checks.born_at_zero(SERIES), samples(0, 0, 1), True),
        (checks.born_at_zero(SERIES), samples(1, 1), False),
        (checks.born_at_zero(SERIES), FakePrometheus(), False),
        (checks.stored(SERIES, 0, 1), samples(0, 0, 1, 1), True),
        (checks.stored(SERIES, 0, 1), samples(0, 0), False),
        (checks.stored(SERIES, 0, 1), samples(0, 1, 2), False),
        (checks.total("sum(x)", 8), samples(8), True),
        (checks.total("sum(x)", 8), samples(7), False),
        (checks.total("sum(x)", 8), FakePrometheus(), False),
        (checks.above_zero("x"), samples(1.01), True),
        (checks.above_zero("x"), samples(0), False),
        (checks.above_zero("x"), FakePrometheus(), False),
        (checks.firing("A"), FakePrometheus(held=[alert("A")]), True),
        (checks.firing("A"), FakePrometheus(held=[alert("A", "pending")]), False),
        (checks.firing("A"), FakePrometheus(held=[alert("A"), alert("B")]), False),
        (checks.firing("A"), FakePrometheus(held=[alert("A"), alert(WATCHDOG)]), True),
        (checks.firing("A", "B"), FakePrometheus(held=[alert("A"), alert("B"), alert("A")]), True),
        (checks.firing("A", "B"), FakePrometheus(held=[alert("A")]), False),
        (checks.pending(SPIKE), FakePrometheus(held=[alert(SPIKE, "pending")]), True),
        (checks.pending(SPIKE), FakePrometheus(held=[alert(SPIKE)]), False),
        (checks.pending(SPIKE), FakePrometheus(held=[alert("A", "pending")]), False),
        (checks.wired, FakePrometheus([Series({}, ((0.0, 1.0),))] * 2, sends_to=["a"]), True),
        (checks.wired, FakePrometheus([Series({}, ((0.0, 1.0),))] * 2), False),
        (checks.wired, FakePrometheus([Series({}, ((0.0, 1.0),))], sends_to=["a"]), False),
        (checks.wired, FakePrometheus([Series({}, ((0.0, 0.0),))] * 2, sends_to=["a"]), False),
        (checks.nobody_paged, FakePrometheus(), True),
        (checks.nobody_paged, FakePrometheus(held=[alert(WATCHDOG)]), True),
        (checks.nobody_paged, FakePrometheus(held=[alert("A", "pending")]), False),
    ],
)
def test_a_check_tells_what_is_so_from_what_is_not(check: checks.Check, seen: FakePrometheus, holds: bool) -> None:
    assert check(stage(seen)).holds is holds


@pytest.mark.parametrize(
    ("messages", "any_of_them", "the_last"),
    [
        (["one", "rule and pod"], True, True),
        (["rule and pod", "one"], True, False),
        (["one", "rule"], False, False),
        (["pod and rule"], False, False),
        (["rule", "pod"], False, False),
        ([], False, False),
    ],
)
def test_a_message_in_slack_must_have_all_the_words_in_their_order(
    messages: list[str], any_of_them: bool, the_last: bool
) -> None:
    assert checks.told("rule", "pod")(stage(None, *messages)).holds is any_of_them
    assert checks.last("rule", "pod")(stage(None, *messages)).holds is the_last
    assert checks.nobody_paged(stage(None, *messages)).holds is (messages == [])


def speaking(words: str, state: str = "firing") -> Alert:
    return Alert({"alertname": "A"}, {"description": words}, state, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("held", "holds"),
    [
        ([speaking("waf, then ids")], True),
        ([speaking("waf, then ids"), alert("B")], True),
        ([speaking("ids, then waf")], False),
        ([speaking("waf, then ids", "pending")], False),
        ([speaking("waf, then ids"), speaking("waf, then ids")], False),
        ([], False),
    ],
)
def test_one_alert_must_tell_the_words_in_their_order(held: list[Alert], holds: bool) -> None:
    assert checks.says("A", "waf", "ids")(stage(FakePrometheus(held=held))).holds is holds


def test_a_record_of_the_waf_is_sent_as_modsecurity_wrote_it_and_is_of_now() -> None:
    when = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
    sent = json.loads(INJECTION.body(when))["transaction"]
    written = json.loads((ROOT / "demo" / INJECTION.file).read_bytes())["transaction"]
    assert sent["unique_id"][:10] == "1893553445"
    assert {**sent, "unique_id": ""} == {**written, "unique_id": ""}
    assert [message["details"]["ruleId"] for message in written["messages"]] == ["942100", "942190", "942270", "949110"]
    assert "rules 942100, 942190, 942270, 949110" in INJECTION.line()


@pytest.mark.parametrize(
    ("kept", "holds"),
    [
        ([("A", "Whole"), ("B", "Whole"), ("C", "")], True),
        ([("A", "Whole"), ("A", "Whole"), ("B", "Whole")], True),
        ([("A", "Whole")], False),
        ([("A", "Whole"), ("B", "")], False),
        ([("A", "Whole"), ("B", "Other")], False),
        ([("A", "Whole"), ("B", "Whole"), ("B", "")], False),
    ],
)
def test_all_of_an_alert_must_be_kept_back_and_by_the_one_that_is_named(
    kept: list[tuple[str, str]], holds: bool
) -> None:
    held = tuple(HeldAlert({"alertname": name}, (by,) if by else ()) for name, by in kept)
    assert checks.kept_back("Whole", "A", "B")(stage(kept=held)).holds is holds


def test_a_message_is_shown_as_slack_shows_it() -> None:
    body = {"title": "T", "text": "a &lt;b&gt; &amp;amp;\n", "actions": [{"text": "Board", "url": "http://b"}]}
    message = Message(0.0, {"attachments": [body]})
    assert message.shown() == "T\na <b> &amp;\n[Board]"
    assert message.links == {"Board": "http://b"}


def test_what_does_not_come_in_time_fails_with_what_was_seen_instead() -> None:
    step = Comes("It comes", checks.stored(SERIES, 0, 1), "exporter", within=0.3)
    with pytest.raises(StepError, match=r"not within 0 s: It comes \(seen: 1 at 00:00:00.0\)") as caught:
        step.play(stage(samples(1)), Terminal(StringIO()))
    assert caught.value.part == "exporter"


def test_what_should_stay_fails_as_soon_as_it_does_not() -> None:
    began = iter([True, True, False])
    step = Stays("Quiet", lambda _: Seen(next(began), "noise"), "prometheus", seconds=60)
    with pytest.raises(StepError, match=r"no longer true: Quiet \(seen: noise\)"):
        step.play(stage(), Terminal(StringIO()))


def test_only_the_attack_is_critical_and_its_rule_is_new() -> None:
    assert {noise.priority for noise in NOISE} <= {"Notice", "Warning"}
    assert INTRUSION.priority == "Critical"
    assert INTRUSION.rule not in {noise.rule for noise in NOISE}
    quiet, came_in, first = ([step.alert for step in act.steps if isinstance(step, Falco)] for act in STORY[:3])
    assert (quiet, came_in, first) == ([*NOISE], [], [INTRUSION])


def test_an_alert_is_sent_and_shown_as_falco_does() -> None:
    when = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
    body = json.loads(INTRUSION.body(when))
    assert set(body) == {"hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"}
    assert body["time"] == "2030-01-02T03:04:05.678901000Z"
    assert body["output_fields"]["evt.time"] == 1893553445678901000
    assert body["output"] == INTRUSION.line(when)
    assert body["output"].startswith("03:04:05.678901000: Critical ")


def test_colour_is_for_terminals_and_not_when_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(StringIO):
        def isatty(self) -> bool:
            return True

    def written(out: StringIO) -> str:
        Terminal(out).event("words", RED)
        return out.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert written(Screen()) == "  > \033[31mwords\033[0m\n"
    assert written(StringIO()) == "  > words\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert written(Screen()) == "  > words\n"
