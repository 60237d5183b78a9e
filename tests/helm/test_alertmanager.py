"""Alerts reach Slack through AlertmanagerConfigs, whatever namespace they are about, or installing says what to set."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.alertmanager import Alertmanager
from demo.servers import request, wait_for
from demo.slack import Slack
from tests.helm.chart import CHART, NAMESPACE, ROOT, Object, objects, refusal
from tests.helm.operator_config import alertmanager_yaml

CONTROLS = ("ids", "network", "waf", "host", "platform", "several")
SLACK = {"existingSecret": "threatboard-slack", "channel": "#security"}


def made(**values: Any) -> list[Object]:
    """The AlertmanagerConfigs with these values of `alertmanagerConfig`."""
    every = objects({"alertmanagerConfig": {"enabled": True, "slack": SLACK, **values}})
    return [found for found in every if found["kind"] == "AlertmanagerConfig"]


def configuration(configs: list[Object], strategy: str, url: str = "http://127.0.0.1:9/hook") -> str:
    """Alertmanager's configuration under this strategy, with Slack at `url`."""
    secrets = {(found["metadata"]["namespace"], "threatboard-slack", "url"): url for found in configs}
    return alertmanager_yaml(configs, strategy, secrets)


@pytest.fixture
def receivers(tool: Callable[[str], Path], tmp_path: Path) -> Callable[..., set[str]]:
    """The last part of the names of the receivers that amtool finds for an alert."""

    def ask(text: str, **labels: str) -> set[str]:
        file = tmp_path / "alertmanager.yml"
        file.write_text(text)
        command = [str(tool("amtool")), "config", "routes", "test", f"--config.file={file}"]
        pairs = [f"{name}={value}" for name, value in labels.items() if value]  # without a label is with an empty one
        answer = subprocess.run([*command, *pairs], capture_output=True, text=True, check=True)
        return {name.rpartition("/")[2] for name in answer.stdout.strip().split(",")}

    return ask


def quick(text: str) -> str:
    """The configuration with every wait of a group a second long; what is sent at once still is."""
    return re.sub(r"(group_(?:wait|interval)): (?!0s)\S+", r"\1: 1s", text)


def shipped() -> list[Object]:
    """The alerts in the chart."""
    groups = yaml.safe_load((CHART / "files/rules.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_every_alert_of_the_wanted_severities_reaches_slack(receivers: Callable[..., set[str]]) -> None:
    text = configuration(made(matcherStrategy="None"), "None")
    shipped_controls = {rule["labels"]["control"] for rule in shipped()}
    assert {"ids", "several", "platform"} <= shipped_controls <= set(CONTROLS)
    for severity, control in product(("critical", "warning", "info"), CONTROLS):
        for namespace in ("shop", "kube-system", ""):
            labels = {"alertname": "X", "severity": severity, "control": control, "namespace": namespace}
            expected = "nobody" if severity == "info" else "slack"
            assert receivers(text, **labels) == {expected}, labels


def test_other_products_alerts_are_left_alone(receivers: Callable[..., set[str]]) -> None:
    text = configuration(made(matcherStrategy="None"), "None")
    assert receivers(text, alertname="KubePodCrashLooping", severity="critical", namespace="shop") == {"elsewhere"}
    assert receivers(text, alertname="X", severity="critical", control="plane") == {"elsewhere"}


def test_severities_choose(receivers: Callable[..., set[str]]) -> None:
    text = configuration(made(matcherStrategy="None", severities=["critical"]), "None")
    assert receivers(text, severity="critical", control="ids") == {"slack"}
    for control in CONTROLS:
        assert receivers(text, severity="warning", control=control) == {"nobody"}


def test_the_sign_of_life_is_no_message_whatever_the_severities(receivers: Callable[..., set[str]]) -> None:
    text = configuration(made(matcherStrategy="None", severities=["critical", "warning", "info"]), "None")
    assert receivers(text, severity="info", control="platform", alertname="X") == {"slack"}
    assert receivers(text, severity="info", control="platform", alertname="PlatformWatchdog") == {"nobody"}


def test_under_on_namespace_each_listed_namespace_gets_its_own_alerts(receivers: Callable[..., set[str]]) -> None:
    configs = made(namespaces=["shop", "payments"])
    assert [found["metadata"]["namespace"] for found in configs] == ["shop", "payments"]
    text = configuration(configs, "OnNamespace")
    critical = {"severity": "critical", "control": "ids"}
    assert receivers(text, namespace="shop", **critical) == {"slack"}
    assert receivers(text, namespace="payments", **critical) == {"slack"}
    assert receivers(text, namespace="other", **critical) == {"elsewhere"}
    # The limit that NOTES and README speak of: alerts that concern no namespace cannot pass.
    assert receivers(text, severity="critical", control="platform") == {"elsewhere"}


def test_one_config_under_on_namespace_would_drop_alerts_and_is_refused(receivers: Callable[..., set[str]]) -> None:
    trap = configuration(made(matcherStrategy="None"), "OnNamespace")
    assert receivers(trap, severity="critical", control="ids", namespace="shop") == {"elsewhere"}
    message = refusal({"alertmanagerConfig": {"enabled": True, "slack": SLACK}})
    assert "list in alertmanagerConfig.namespaces" in message
    assert "alertmanager.alertmanagerSpec.alertmanagerConfigMatcherStrategy.type" in message


@pytest.mark.parametrize("strategy", ["None", "OnNamespaceExceptForAlertmanagerNamespace"])
def test_the_other_strategies_get_one_config(strategy: str) -> None:
    assert [found["metadata"]["namespace"] for found in made(matcherStrategy=strategy)] == [NAMESPACE]
    values = {"enabled": True, "slack": SLACK, "matcherStrategy": strategy, "namespaces": ["shop"]}
    assert "would send every alert once more" in refusal({"alertmanagerConfig": values})


def test_without_a_secret_the_way_out_is_named() -> None:
    values = {"enabled": True, "matcherStrategy": "None"}
    assert "needs alertmanagerConfig.slack.existingSecret" in refusal({"alertmanagerConfig": values})


def alert(name: str, **labels: str) -> Object:
    """An alert as Prometheus sends it."""
    links = {
        "dashboard_url": "https://grafana.example.com/d/threatboard-ids",
        "runbook_url": "https://runbooks.example.com/x.md",
    }
    annotations = {"summary": "Something happened.", "description": f"<!channel> {name} says @here & more.", **links}
    # Not earlier: of an alert older than group_wait Alertmanager speaks at once, without waiting for the others.
    start = datetime.now(UTC).isoformat()
    return {"labels": {"alertname": name, **labels}, "annotations": annotations, "startsAt": start}


def send(alertmanager: Alertmanager, *alerts: Object) -> None:
    """Posts alerts, as Prometheus does."""
    body = json.dumps(alerts).encode()
    status, answer = request(alertmanager.port, "POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
    assert status == 200, answer


def test_the_message_says_what_where_since_when_and_where_to_look(
    start_alertmanager: Callable[[str], Alertmanager], slack: Slack
) -> None:
    alertmanager = start_alertmanager(quick(configuration(made(matcherStrategy="None"), "None", slack.url)))
    labels = {"severity": "warning", "control": "ids", "namespace": "shop"}
    victims = [{"workload": "web", "pod": f"web-{number}", "hostname": "node-1"} for number in range(12)]
    send(alertmanager, *(alert("IdsBurstInPod", **labels, **who) for who in victims))
    assert wait_for(lambda: bool(slack.messages), 20)
    message = slack.messages[0]
    assert message.title == "WARNING: Something happened. shop/web"
    assert message.channel == "#security"
    attachment = message.body["attachments"][0]
    assert attachment["color"] == "warning"
    assert re.fullmatch(
        r"https://grafana\.example\.com/d/threatboard-ids\?from=\d{13}&to=now", attachment["title_link"]
    )
    assert "&lt;!channel&gt; IdsBurstInPod says @\u200bhere &amp; more." in message.text
    assert "· IdsBurstInPod · control: ids" in message.text
    assert message.text.count("since 2") == 8
    assert "12 alerts in all" in message.text
    assert not message.text.startswith("\n")
    buttons = {button["text"]: button["url"] for button in attachment["actions"]}
    assert buttons.keys() == {"Events", "Runbook", "Acknowledge", "False positive", "True positive"}
    assert buttons["Runbook"] == "https://runbooks.example.com/x.md"
    assert buttons["Events"].startswith("https://grafana.example.com/d/threatboard-investigate?from=")
    assert "alertname%3D%22IdsBurstInPod%22" in buttons["Acknowledge"]


@pytest.mark.parametrize("strategy", ["None", "OnNamespace"])
def test_a_correlated_alert_keeps_back_its_parts_and_nothing_else(
    strategy: str, start_alertmanager: Callable[[str], Alertmanager], slack: Slack
) -> None:
    where = ["shop", "pay"] if strategy == "OnNamespace" else []
    text = configuration(made(matcherStrategy=strategy, namespaces=where), strategy, slack.url)
    alertmanager = start_alertmanager(quick(text))
    whole = alert("CorrelatedWorkload", severity="critical", control="several", namespace="shop", workload="web")
    send(alertmanager, whole)
    assert wait_for(lambda: len(slack.messages) == 1, 20)
    parts = [
        alert("CorrelatedNamespace", severity="warning", control="several", namespace="shop"),
        alert("NetworkDnsDenied", severity="warning", control="network", namespace="shop", workload="web"),
        alert("HostCpuSpikeWithIdsAlert", severity="critical", control="host", namespace="shop", workload="web"),
    ]
    others = [
        alert("IdsCriticalAlert", severity="critical", control="ids", namespace="pay", workload="till"),
        alert("KubePodCrashLooping", severity="critical", namespace="shop"),
    ]
    send(alertmanager, *parts, *others)
    assert wait_for(lambda: len(slack.messages) == 2, 20)
    time.sleep(3)
    assert [message.title for message in slack.messages] == [
        "CRITICAL: Something happened. shop/web",
        "CRITICAL: Something happened. pay/till",
    ]
    kept_back = {held.name for held in alertmanager.alerts() if "CorrelatedWorkload" in held.kept_back_by}
    assert kept_back == {part["labels"]["alertname"] for part in parts}


def test_under_on_namespace_inhibition_ends_at_the_listed_namespaces(
    start_alertmanager: Callable[[str], Alertmanager],
) -> None:
    alertmanager = start_alertmanager(configuration(made(namespaces=["shop"]), "OnNamespace"))
    for namespace in ("shop", "pay"):
        where = {"namespace": namespace, "workload": "web"}
        whole = alert("CorrelatedWorkload", severity="critical", control="several", **where)
        send(alertmanager, whole, alert("IdsCriticalAlert", severity="critical", control="ids", **where))
    assert wait_for(lambda: len(alertmanager.alerts()) == 4, 20)
    parts = [held for held in alertmanager.alerts() if held.name == "IdsCriticalAlert"]
    assert {part.labels["namespace"]: part.kept_back_by for part in parts} == {
        "shop": ("CorrelatedWorkload",),
        "pay": (),
    }


def test_the_messages_are_those_of_the_rules() -> None:
    texts = [(folder / "slack.tmpl").read_bytes() for folder in (CHART / "files", ROOT / "rules")]
    assert texts[0] == texts[1], "run make generate"
