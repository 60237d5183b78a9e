"""The story's steps and checks fail when what they tell is not so, and the demo's rule pages for what it should."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from demo import checks
from demo.checks import Seen, Stage
from demo.prometheus import Alert, Series
from demo.slack import Message
from demo.steps import Comes, Falco, Stays, StepError
from demo.story import INTRUSION, NOISE, STORY
from demo.terminal import RED, Terminal

RULES = Path(__file__).parents[2] / "demo" / "rules.yml"
SERIES = "threat_falco_alerts_total{rule='r'}"

RULE_TEST = """
rule_files: [%s]
evaluation_interval: 2s
tests:
  - interval: 2s
    input_series:
      - {series: 'threat_falco_alerts_total{rule="R",priority="%s",k8s_ns_name="shop",hostname="n1"}', values: "%s"}
    alert_rule_test:
      - eval_time: 20s
        alertname: FalcoCriticalAlert
        exp_alerts: %s
"""
PAGED = """
          - exp_labels: {severity: critical, control: ids, namespace: shop, k8s_ns_name: shop, hostname: n1, rule: R,
              priority: critical}
            exp_annotations: {summary: "R in shop", description: "Falco reports R (critical)."}
"""


@dataclass
class FakePrometheus:
    """Answers every query with the same series."""

    found: list[Series] = field(default_factory=list)
    held: list[Alert] = field(default_factory=list)

    def query(self, _expression: str) -> list[Series]:
        return self.found

    def alerts(self) -> list[Alert]:
        return self.held

    def check(self) -> None:
        """Runs for ever."""


@dataclass
class FakeSlack:
    messages: list[Message] = field(default_factory=list)


def stage(prometheus: FakePrometheus | None = None, *messages: str) -> Stage:
    fake = prometheus or FakePrometheus()
    slack = FakeSlack([Message(0.0, {"attachments": [{"title": title, "text": ""}]}) for title in messages])
    return Stage(fake, fake, fake, slack)  # type: ignore[arg-type]


def samples(*values: float) -> FakePrometheus:
    return FakePrometheus([Series({}, tuple((float(at), value) for at, value in enumerate(values)))])


def alert(name: str, state: str = "firing") -> Alert:
    return Alert({"alertname": name}, {"summary": "words"}, state, "2026-01-01T00:00:00Z")


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
        (checks.nobody_paged, FakePrometheus(), True),
        (checks.nobody_paged, FakePrometheus(held=[alert("A", "pending")]), False),
    ],
)
def test_a_check_tells_what_is_so_from_what_is_not(check: checks.Check, seen: FakePrometheus, holds: bool) -> None:
    assert check(stage(seen)).holds is holds


@pytest.mark.parametrize(
    ("messages", "holds"),
    [(["rule and pod"], True), (["rule"], False), (["rule and pod", "another"], False), ([], False)],
)
def test_slack_must_have_one_message_with_all_the_words_and_no_other(messages: list[str], holds: bool) -> None:
    assert checks.one_message("rule", "pod")(stage(None, *messages)).holds is holds
    assert checks.nobody_paged(stage(None, *messages)).holds is (messages == [])


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
    attacks = [step for step in STORY[-1].steps if isinstance(step, Falco)]
    assert [attack.alert for attack in attacks] == [INTRUSION]


def test_an_alert_is_sent_and_shown_as_falco_does() -> None:
    when = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
    body = json.loads(INTRUSION.body(when))
    assert set(body) == {"hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"}
    assert body["time"] == "2030-01-02T03:04:05.678901000Z"
    assert body["output_fields"]["evt.time"] == 1893553445678901000
    assert body["output"] == INTRUSION.line(when)
    assert body["output"].startswith("03:04:05.678901000: Critical ")


@pytest.mark.parametrize(
    ("priority", "values", "paged"),
    [
        ("critical", "0 0 1x20", PAGED),
        ("critical", "0x20", "[]"),
        ("critical", "3x20", "[]"),
        ("warning", "0 0 9x20", "[]"),
    ],
)
def test_the_rule_pages_for_one_critical_alert_and_for_nothing_else(
    tool: Callable[[str], Path], tmp_path: Path, priority: str, values: str, paged: str
) -> None:
    file = tmp_path / "test.yml"
    file.write_text(RULE_TEST % (RULES, priority, values, paged))
    done = subprocess.run([tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
