"""A scripted night: an attack on one workload, a neighbour hit in the middle, a pause, more of it, and its end."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import shipped
from demo.alertmanager import Alertmanager
from demo.slack import Slack
from rules.bundle import plain
from rules.tree import load
from tests.rules.night import Metrics, QuickPrometheus, quicker

FALCO = (
    'threat_falco_alerts_total{{rule="Escape",priority="critical",source="syscall",tactic="persistence",hostname="node-1",'
    'k8s_ns_name="shop",k8s_pod_name="{0}-1",workload="{0}"}}'
)
ANOTHER_RULE = FALCO.format("web").replace("Escape", "Shell")
FROM_WEB = 'source_namespace="shop",source_workload="web",source_pod="web-1"'
DENIED = f'hubble_drop_total{{reason="POLICY_DENIED",{FROM_WEB},traffic_direction="egress"}}'
TUNNEL = f'hubble_dns_queries_total{{qtypes="TXT",rcode="",{FROM_WEB}}}'
BUILD = 'threat_build_info{version="0.1.0"}'
PAUSE = 60
"""Ten minutes of the night: twice the time that Falco's alert looks back."""


def _config(target: int, alertmanager: int) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "external_labels": {}},
            "rule_files": ["rules.yaml", "thresholds.yaml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
            "scrape_configs": [
                {
                    "job_name": "night",
                    "static_configs": [{"targets": [f"127.0.0.1:{target}"], "labels": {"cluster": "prod"}}],
                }
            ],
        }
    )


def _wait(slack: Slack, words: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not any(words in message.shown() for message in slack.messages):
        assert time.monotonic() < end, f"no message with {words!r}: {_said(slack)}"
        time.sleep(0.3)


def _said(slack: Slack) -> list[tuple[str, str]]:
    return [(message.channel, message.title) for message in slack.messages]


def _night(metrics: Metrics, slack: Slack) -> None:
    metrics.values[FALCO.format("web")] += 1
    _wait(slack, "CRITICAL: Falco raised an alert of a critical priority. prod shop/web", 60)
    metrics.rates |= {DENIED: 3, TUNNEL: 5}
    _wait(slack, "CRITICAL: Several security controls speak of the same workload", 60)
    time.sleep(5)
    metrics.values[FALCO.format("cart")] += 1
    _wait(slack, "CRITICAL: Falco raised an alert of a critical priority. prod shop/cart", 60)
    time.sleep(30)
    metrics.rates.pop(DENIED)
    time.sleep(PAUSE)
    assert not any("Correlation ended" in message.title for message in slack.messages), "a part still fires"
    metrics.values[FALCO.format("web")] += 2
    metrics.rates[DENIED] = 3
    time.sleep(20)
    metrics.values[ANOTHER_RULE] += 1
    _wait(slack, 'IdsCriticalAlert by Falco rule "Shell" fired for the first time', 60)
    metrics.rates.clear()
    _wait(slack, "Correlation ended", 240)
    time.sleep(15)


@pytest.mark.timeout(900)
def test_a_night_is_told_in_few_messages_that_are_true(tool: Callable[[str], Path], tmp_path: Path) -> None:
    for name, text in plain(load(), "https://docs.example", "https://grafana.example").items():
        (tmp_path / name.removeprefix("threatboard-")).write_text(quicker(text), encoding="utf-8")
    metrics = Metrics(
        {BUILD: 1, DENIED: 0, TUNNEL: 0, FALCO.format("web"): 0, FALCO.format("cart"): 0, ANOTHER_RULE: 0}
    )
    try:
        with Slack() as slack:
            config = shipped.alertmanager(slack.url, f"{slack.url}/watchdog", tmp_path)
            with Alertmanager(tool("alertmanager"), config, tmp_path) as alertmanager:
                text = _config(metrics.port, alertmanager.port)
                with QuickPrometheus(tool("prometheus"), text, tmp_path):
                    time.sleep(10)
                    slack.messages.clear()
                    _night(metrics, slack)
            (tmp_path / "night.txt").write_text("\n\n".join(m.channel + " " + m.shown() for m in slack.messages))
    finally:
        metrics.close()
    first, last = _said(slack)[:4], _said(slack)[4:]
    assert first == [
        ("#security-now", "CRITICAL: Falco raised an alert of a critical priority. prod shop/web"),
        (
            "#security-now",
            "CRITICAL: Several security controls speak of the same workload within 3 minutes. prod shop/web",
        ),
        ("#security-now", "CRITICAL: Falco raised an alert of a critical priority. prod shop/cart"),
        ("#security-now", "No longer fires: Falco raised an alert of a critical priority. prod shop/cart"),
    ]
    further = "2 alerts, the newest: A further kind of critical alert came up where several controls already speak."
    # Prometheus sends an end again for 15 minutes: of a part that ended shortly before the whole it is told after all.
    assert sorted(last) == [
        ("#security-now", f"CRITICAL: {further} prod shop/web"),
        ("#security-now", "Correlation ended: prod shop/web"),
        ("#security-now", "No longer fires: Falco raised an alert of a critical priority. prod shop/web"),
    ]
