"""From Falco and Hubble to Slack, through what ships: one alert is one message, and one attack is two at most.

Everything is real but the cluster and Slack: the exporter, Prometheus with the bundle of rules, Alertmanager with the
example, and HTTP between them.
"""

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import shipped
from demo.checks import Check, Seen, firing, kept_back, wired
from demo.falco import FalcoAlert
from demo.servers import wait_for
from demo.slack import Message
from demo.stage import Stage, set_up
from demo.story import ELSEWHERE, INTRUSION

pytestmark = pytest.mark.timeout(180)

PATIENCE = 30.0
QUIET = 13.0
"""Seconds in which Alertmanager looks at every group of alerts for the first time or once more."""

ENDS = ("No longer fires: ", "Correlation ended: ", "Resolved: ")
"""How the titles of messages about an end begin."""

LURE = "<!channel> <@U012AB3CD> <https://evil.example|Acknowledge> @here *bold* _it_ ~gone~ `code` ```block``` &amp;"
FORGED = "\nsince 2001-01-01 00:00:00 UTC · PlatformWatchdog · control: platform\r\n> all is well"
LONG = "x" * 20_000


@pytest.fixture
def stage(tool: Callable[[str], Path], servers: ExitStack, tmp_path: Path) -> Stage:
    """A stage on which everything runs, without a past."""
    for name in ("prometheus", "alertmanager", "promtool"):
        tool(name)
    stage = set_up(servers, tmp_path, lambda _seconds, _what: None, remember=False)
    comes(stage, wired)
    return stage


def comes(stage: Stage, check: Check) -> None:
    """Waits until the check holds."""
    seen = Seen(False, "")

    def look() -> bool:
        nonlocal seen
        seen = check(stage)
        return seen.holds

    assert wait_for(look, PATIENCE), f"{seen.what}\n{seen.quote}"


def falco(stage: Stage, alert: FalcoAlert) -> None:
    stage.exporter.post("/falco", alert.body(datetime.now(UTC)))


def messages(stage: Stage, number: int, quiet: float = 0.0) -> list[Message]:
    """All messages, once there are so many; no more come for so many seconds."""
    slack = stage.slack.messages
    assert wait_for(lambda: len(slack) >= number, PATIENCE), [message.title for message in slack]
    wait_for(lambda: len(slack) > number, quiet)
    assert len(slack) == number, [message.title for message in slack]
    return list(slack)


def test_one_single_critical_alert_is_one_message_that_a_person_can_read(stage: Stage) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    falco(stage, INTRUSION)
    [message] = messages(stage, 1, QUIET)
    assert message.channel == "#security-now"
    assert message.title == "CRITICAL: Falco raised an alert of a critical priority. shop/checkout"
    what, since = message.text.strip().splitlines()
    assert what == (
        f'Falco rule "{INTRUSION.rule}" (critical) fired once in the last 5 minutes in shop/checkout,'
        f" pod {INTRUSION.pod}, on node {INTRUSION.node}."
    )
    began, alertname, control = since.split(" · ")
    assert datetime.strptime(began, "since %Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC) >= before
    assert (alertname, control) == ("IdsCriticalAlert", "control: ids")
    assert set(message.links) == {"Events", "Runbook", "Acknowledge", "False positive", "True positive"}
    assert message.links["Runbook"] == shipped.alert("IdsCriticalAlert").page.as_uri()
    assert message.links["Acknowledge"].startswith(f"{stage.alertmanager.url}/#/silences/new?filter=")


def test_an_attack_is_two_messages_and_what_happens_elsewhere_is_its_own(stage: Stage) -> None:
    falco(stage, INTRUSION)
    messages(stage, 1)
    # Parts that fire in the same moment, perhaps before the correlated alert, which reads recordings of recordings.
    stage.simulator.begin("egress")
    stage.simulator.begin("dns")
    whole = messages(stage, 2)[-1]
    assert whole.title.startswith("CRITICAL: Several security controls speak of the same workload")
    assert re.search(r"2 controls speak of shop/checkout .* at least: ids \d+, network \d+\.", whole.text)

    # A part that comes later, of the same control with another rule.
    falco(stage, replace(INTRUSION, rule=ELSEWHERE.rule))
    comes(stage, firing("NetworkDnsDenied", "CorrelatedWorkload", "CorrelatedNamespace", "IdsCriticalAlert"))
    comes(stage, kept_back("CorrelatedWorkload", "NetworkDnsDenied", "CorrelatedNamespace", "IdsCriticalAlert"))
    messages(stage, 2, QUIET)

    falco(stage, ELSEWHERE)
    other = messages(stage, 3)[-1]
    assert other.title.endswith(" payments/ledger")

    # Nothing of it fires any more: each message has an end of its own.
    for namespace in ("shop", "payments"):
        shipped.leave_out({"namespace": namespace}, stage.rules)
    stage.prometheus.reload()
    comes(stage, resolved("payments/ledger"))
    comes(stage, resolved("Correlation ended: shop/checkout"))
    news = [message.title for message in stage.slack.messages[3:] if not message.title.startswith(ENDS)]
    assert news == []


def resolved(words: str) -> Check:
    """A message says that the alert with these words in its title is over."""

    def check(stage: Stage) -> Seen:
        titles = [message.title for message in stage.slack.messages]
        holds = any(title.startswith(ENDS) and words in title for title in titles)
        return Seen(holds, " | ".join(titles))

    return check


def test_an_attacker_s_text_is_text_in_slack_and_mentions_nobody(stage: Stage) -> None:
    fields = ("rule", "namespace", "pod", "node")
    hostile = {field: f"{field}:{LURE}{FORGED}{LONG}" for field in fields}
    falco(stage, replace(INTRUSION, **hostile))  # type: ignore[arg-type]
    [message] = messages(stage, 1)
    [attachment] = message.body["attachments"]
    assert [field for field in fields if f"{field}:&lt;!channel&gt;" not in message.title + message.text] == []
    for text in (message.title, message.text, attachment["fallback"]):
        assert "<" not in text
        assert ">" not in text
        assert re.findall(r"&(?!amp;|lt;|gt;)", text) == []
        assert re.findall("@(?!\u200b)", text) == []
        assert len(text) < 3000
    assert attachment["mrkdwn_in"] == ["pretext"], "so that Slack formats neither the title nor the text"
    assert "pretext" not in attachment
    assert not message.body.get("link_names")
    assert len(message.text.strip().splitlines()) == 2
    assert all(re.fullmatch(r"[!-~]+", link) and not set(link) & set('<>"') for link in message.links.values())
