"""The example for Alertmanager: who gets what, what is kept back, and what a message looks like."""

import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import promql_parser as pq
import pytest
import yaml

from exporter.pollers.alertmanager.silences import verdict
from rules.promql import known, labels_of
from rules.tree import ROOT, Rule, load
from tests.rules.alertmanager import Alertmanager, Slack, alert, running

Tool = Callable[[str], Path]
CONFIG = ROOT / "alertmanager.yml"


def _expected(rule: Rule, namespace: str) -> str:
    """The receiver of an alert: by severity, then by the team that owns the namespace."""
    severity, control = rule.labels["severity"], rule.labels["control"]
    if rule.name == "PlatformWatchdog":
        return "watchdog"
    if severity == "info":
        return "nobody"
    team = namespace == "shop" and severity == "warning" and control in ("ids", "network", "host", "waf")
    return "slack-team-shop" if team else f"slack-{severity}"


def test_amtool_accepts_the_configuration_and_its_template(tool: Tool) -> None:
    done = subprocess.run([tool("amtool"), "check-config", CONFIG], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


def test_every_alert_reaches_its_receiver_in_every_namespace(tool: Tool) -> None:
    wrong = []
    for rule in load().alerts:
        for namespace in ("shop", "pay"):
            labels = {"alertname": rule.name, "namespace": namespace, **rule.labels}
            command: list[str | Path] = [tool("amtool"), "config", "routes", "test", f"--config.file={CONFIG}"]
            done = subprocess.run(
                [*command, *(f"{k}={v}" for k, v in labels.items())], capture_output=True, text=True, check=True
            )
            if done.stdout.strip() != _expected(rule, namespace):
                wrong.append(f"{rule.name} in {namespace}: {done.stdout.strip()}")
    assert wrong == []


def test_every_inhibition_is_scoped() -> None:
    """`equal` matches two labels that are both missing, so a label of a place has to be there on both sides."""
    for rule in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["inhibit_rules"]:
        for label in {"namespace", "workload", "pod"} & set(rule["equal"]):
            for side in ("source_matchers", "target_matchers"):
                assert f'{label} != ""' in rule[side], rule
        if "namespace" not in rule["equal"]:
            assert all(
                any(m.startswith("alertname") for m in rule[f"{side}_matchers"]) for side in ("source", "target")
            )


def test_every_alert_that_the_configuration_names_exists() -> None:
    known = {rule.name for rule in load().alerts}
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    matchers = [
        m for rule in config["inhibit_rules"] for side in ("source", "target") for m in rule[f"{side}_matchers"]
    ]
    matchers += [matcher for route in config["route"]["routes"] for matcher in route["matchers"]]
    named = {name for m in matchers if m.startswith("alertname") for name in m.split(" ")[2].strip('"').split("|")}
    assert named
    assert named <= known


@pytest.fixture
def slack() -> Iterator[Slack]:
    stand_in = Slack()
    yield stand_in
    stand_in.close()


@pytest.fixture
def alertmanager(tool: Tool, tmp_path: Path, slack: Slack) -> Iterator[Alertmanager]:
    with running(tool("alertmanager"), tmp_path, slack) as server:
        yield server


def _heads(messages: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(channel, attachment["title"]) for channel, attachment in messages]


def test_an_attack_is_two_messages_and_an_alert_elsewhere_is_its_own(alertmanager: Alertmanager, slack: Slack) -> None:
    first = {"namespace": "shop", "workload": "web", "rule": "Escape", "cluster": "prod"}
    alertmanager.send(alert("IdsCriticalAlert", "critical", "ids", first))
    title = "CRITICAL: Summary of IdsCriticalAlert. prod shop/web"
    assert _heads(slack.wait(1)) == [("#security-now", title)]
    place = {"namespace": "shop", "cluster": "prod"}
    parts = [
        alert("CorrelatedWorkload", "critical", "several", {"workload": "web", **place}),
        alert("CorrelatedNamespace", "warning", "several", place),
        alert("NetworkDnsDenied", "warning", "network", {"workload": "web", **place}),
        alert("IdsBurstInPod", "warning", "ids", {"pod": "web-1", **place}),
        alert("HostCpuSpikeWithIdsAlert", "critical", "host", {"workload": "web", **place}),
    ]
    alertmanager.send(*parts)
    whole = "CRITICAL: Summary of CorrelatedWorkload. prod shop/web"
    assert _heads(slack.wait(2))[1:] == [("#security-now", whole)]
    alertmanager.send(alert("IdsCriticalAlert", "critical", "ids", {"namespace": "pay", "cluster": "prod"}))
    assert _heads(slack.wait(3))[2:] == [("#security-now", "CRITICAL: Summary of IdsCriticalAlert. prod pay")]


def test_a_critical_alert_about_another_workload_comes_through(alertmanager: Alertmanager, slack: Slack) -> None:
    place = {"namespace": "shop", "cluster": "prod"}
    alertmanager.send(alert("CorrelatedWorkload", "critical", "several", {"workload": "web", **place}))
    slack.wait(1)
    alertmanager.send(
        alert("IdsCriticalAlert", "critical", "ids", {"workload": "web", "pod": "web-1", **place}),
        alert("IdsCriticalAlert", "critical", "ids", {"workload": "cart", "pod": "cart-1", **place}),
        alert("IdsBurstInPod", "warning", "ids", {"workload": "cart", "pod": "cart-1", **place}),
    )
    assert _heads(slack.wait(2))[1:] == [("#security-now", "CRITICAL: Summary of IdsCriticalAlert. prod shop/cart")]


def test_what_is_known_by_its_pod_alone_keeps_back_that_pod_alone(alertmanager: Alertmanager, slack: Slack) -> None:
    """The two critical alerts both lack the label `workload`, which Alertmanager takes for the same one."""
    place = {"namespace": "shop", "cluster": "prod"}
    alertmanager.send(alert("CorrelatedWorkload", "critical", "several", {"pod": "web-1", **place}))
    slack.wait(1)
    alertmanager.send(
        alert("IdsCriticalAlert", "critical", "ids", {"pod": "web-1", **place}),
        alert("IdsCriticalAlert", "critical", "ids", {"pod": "cart-1", **place}),
    )
    assert len(slack.wait(2)) == 2
    assert "cart-1" in str(alertmanager.loud())
    assert "web-1" not in str([found for found in alertmanager.loud() if found["alertname"] == "IdsCriticalAlert"])


def test_the_resolved_whole_closes_its_parts(alertmanager: Alertmanager, slack: Slack) -> None:
    place = {"namespace": "shop", "workload": "web", "cluster": "prod"}
    alertmanager.send(alert("IdsCriticalAlert", "critical", "ids", place))
    slack.wait(1)
    alertmanager.send(alert("CorrelatedWorkload", "critical", "several", place))
    slack.wait(2)
    alertmanager.send(alert("IdsCriticalAlert", "critical", "ids", place, over=True))
    assert len(slack.wait(3, seconds=3)) == 2
    alertmanager.send(alert("CorrelatedWorkload", "critical", "several", place, over=True))
    messages = slack.wait(3)
    assert _heads(messages)[2:] == [("#security-now", "Correlation ended: prod shop/web")]
    assert "closed" not in messages[2][1]["text"]


def test_a_message_says_what_where_since_when_and_how_to_go_on(alertmanager: Alertmanager, slack: Slack) -> None:
    sent = alert(
        "IdsCriticalAlert", "critical", "ids", {"namespace": "shop", "rule": 'A "quoted" & b=c', "cluster": "prod"}
    )
    alertmanager.send(sent)
    channel, message = slack.wait(1)[0]
    assert (channel, message["color"]) == ("#security-now", "danger")
    began = sent["startsAt"][:19].replace("T", " ")
    assert message["text"].splitlines() == [
        "Description of IdsCriticalAlert.",
        f"since {began} UTC · IdsCriticalAlert · control: ids",
    ]
    links = {action["text"]: action["url"] for action in message["actions"]}
    start = int((datetime.fromisoformat(sent["startsAt"]).timestamp() - 3600) * 1000)
    window = f"&from={start}&to=now"
    assert message["title_link"] == f"https://grafana.example/d/threatboard-ids?var-namespace=x{window}"
    assert links["Events"] == f"https://grafana.example/d/threatboard-investigate?var-namespace=x{window}"
    assert links["Runbook"] == "https://docs.example/IdsCriticalAlert.md"
    query = parse_qs(urlsplit(urlsplit(links["Acknowledge"]).fragment).query)
    assert query["filter"] == [
        '{alertname="IdsCriticalAlert",cluster="prod",namespace="shop",rule="A \\"quoted\\" & b=c"}'
    ]
    buttons = ("Acknowledge", "False positive", "True positive")
    assert list(links) == ["Events", "Runbook", *buttons]  # Slack shows no more than five
    comments = [parse_qs(urlsplit(urlsplit(links[one]).fragment).query)["comment"][0] for one in buttons]
    assert comments == ["ACK! ", "FP: ", "TP: "]
    assert [verdict(one, {}) for one in comments] == ["", "false_positive", "true_positive"]
    assert len({links[one].partition("&comment=")[0] for one in buttons}) == 1


@pytest.mark.parametrize(
    ("name", "control", "labels"),
    [
        ("CorrelatedWorkload", "several", {"namespace": "shop", "pod": "web-1"}),
        ("CorrelatedFurtherKind", "several", {"namespace": "shop", "part": "WafAttackNotBlocked", "workload": "web"}),
        ("WafAttackNotBlocked", "waf", {"class": "sqli", "engine": "coraza", "host": "other", "rule_id": "942100"}),
        ("PlatformFalcoMissingOnNode", "platform", {"node": "node-1"}),
    ],
)
def test_an_acknowledgement_is_of_this_place_and_this_kind_alone(
    alertmanager: Alertmanager, slack: Slack, name: str, control: str, labels: dict[str, str]
) -> None:
    """Acknowledged more widely, another pod's, another rule's or another node's alert would be told to nobody."""
    alertmanager.send(alert(name, "critical", control, labels))
    (_, message), *_ = slack.wait(1)
    link = next(action["url"] for action in message["actions"] if action["text"] == "Acknowledge")
    named = {"alertname": name, **labels}
    wanted = ",".join(f'{label}="{value}"' for label, value in sorted(named.items()))
    assert parse_qs(urlsplit(urlsplit(link).fragment).query)["filter"] == [f"{{{wanted}}}"]


def test_an_acknowledgement_of_a_workload_is_of_all_its_pods(alertmanager: Alertmanager, slack: Slack) -> None:
    place = {"namespace": "shop", "workload": "web", "pod": "web-1"}
    alertmanager.send(alert("IdsCriticalAlert", "critical", "ids", place))
    (_, message), *_ = slack.wait(1)
    link = next(action["url"] for action in message["actions"] if action["text"] == "Acknowledge")
    assert "pod" not in link


def test_an_acknowledgement_names_what_tells_one_alert_from_another() -> None:
    template = (ROOT / "slack.tmpl").read_text(encoding="utf-8")
    names = re.search(r'match "\^\((alertname[^)]+)\)\$" \$pair\.Name', template)
    assert names
    named = {*names[1].split("|"), "pod"}
    series = known(ROOT / "external.yaml", load().recordings)
    # A job comes with the file, and an alert has one direction.
    left = {rule.name: labels_of(pq.parse(rule.expr), series) - named for rule in load().alerts}
    assert {label for labels in left.values() for label in labels} == {"direction", "job"}


def test_the_end_of_an_event_is_no_resolution(alertmanager: Alertmanager, slack: Slack) -> None:
    place = {"namespace": "shop", "workload": "web"}
    for over in (False, True):
        sent = alert("IdsCriticalAlert", "critical", "ids", place, over=over)
        sent["annotations"]["resolved"] = "No further event for 5 minutes."
        sent["annotations"]["dashboard_url"] += "&from=1700000000000&to=1700003600000"
        alertmanager.send(sent)
        slack.wait(1 + over)
    _, message = slack.messages[1]
    assert message["title"] == "No longer fires: Summary of IdsCriticalAlert. shop/web"
    assert message["color"] == "#808080"
    assert message["text"].startswith("No further event for 5 minutes. Before: Description of IdsCriticalAlert.")
    assert re.search(r"var-namespace=x&from=\d{13}&to=\d{13}$", message["title_link"])
    assert "1700000000000" not in message["title_link"]


def test_an_attacker_s_text_neither_formats_nor_mentions(alertmanager: Alertmanager, slack: Slack) -> None:
    hostile = alert("IdsCriticalAlert", "critical", "ids", {"namespace": "<!channel>", "workload": "<http://x|y>@here"})
    for key in ("summary", "description"):
        hostile["annotations"][key] = "<!here> *bold* <@U123> & @channel"
    alertmanager.send(hostile)
    _, message = slack.wait(1)[0]
    for key in ("title", "text", "fallback"):
        assert "<" not in message[key]
        assert "@channel" not in message[key]
        assert "@here" not in message[key]
        assert "&lt;!here&gt;" in message[key]
    assert message["mrkdwn_in"] == ["pretext"]
    assert all("<" not in action["url"] and " " not in action["url"] for action in message["actions"])


def test_without_links_the_buttons_lead_to_prometheus(alertmanager: Alertmanager, slack: Slack) -> None:
    bare = alert("NetworkDnsDenied", "warning", "network", {"namespace": "shop"})
    bare["annotations"] = {"summary": "S.", "description": "D."}
    alertmanager.send(bare)
    channel, message = slack.wait(1)[0]
    assert channel == "#team-shop"
    links = {action["text"]: action["url"] for action in message["actions"]}
    assert {message["title_link"], links["Events"], links["Runbook"]} == {"https://prometheus.example/graph"}


def test_many_alerts_of_one_place_are_one_short_message(alertmanager: Alertmanager, slack: Slack) -> None:
    many = [alert("IdsBurstInPod", "warning", "ids", {"namespace": "pay", "pod": f"pod-{n}"}) for n in range(12)]
    alertmanager.send(*many)
    messages = slack.wait(1)
    assert len(messages) == 1
    assert messages[0][1]["text"].count("Description of") == 8
    assert "12 alerts in all; the first 8 are shown." in messages[0][1]["text"]
