"""What is left out is left out of the alert that is named, for the workload or node that is named, and nowhere else."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.tree import Rule, load
from tests.rules.promtool import failures

Tool = Callable[[str], Path]
Labels = dict[str, str]

Recorded = dict[str, str]

SHOP = 'cluster="prod",namespace="shop"'
WEB = f'{SHOP},workload="web"'
HOST = 'host="shop.example.com"'
LONG: dict[str, Recorded] = {
    "HostCpuSpike": {f"namespace_workload:cpu_usage:spike{{{WEB}}}": "_x2000 4+0x40"},
    "HostCpuSpikeWithIdsAlert": {
        f"namespace_workload:cpu_usage:spike{{{WEB}}}": "_x2000 4+0x40",
        f'namespace_workload_pod:threat_events:increase5m{{{WEB},control="ids",severity="critical"}}': "1+0x2040",
    },
    "IdsAlertsAboveBaseline": {
        f'namespace_priority:threat_falco_alerts:increase5m{{{SHOP},priority="error"}}': "_x2000 60+0x40",
        'cluster:threat_recorded:info{cluster="prod",control="ids"}': "1+0x2040",
    },
    "IdsRuleNeverSeenBefore": {
        f'namespace_rule:threat_falco_alerts:increase5m{{{SHOP},rule="x",priority="error"}}': "_x2039 1+0x1",
        'cluster:threat_recorded:info{cluster="prod",control="ids"}': "1+0x2040",
    },
    "NetworkDnsSpike": {
        f'namespace_workload_pod:hubble_dns_queries:rate5m{{{WEB},pod="web-1"}}': "_x2000 60+0x40",
        f"namespace_workload:hubble_dns_queries:spike{{{WEB}}}": "_x2000 60+0x40",
    },
    "NetworkEgressDenialsSurging": {
        f'namespace_direction:threat_policy_denials:rate5m{{{SHOP},direction="egress"}}': "_x2000 60+0x40",
        'cluster:threat_recorded:info{cluster="prod",control="network"}': "1+0x2040",
    },
    "NetworkIngressDenialsSurging": {
        f'namespace_direction:threat_policy_denials:rate5m{{{SHOP},direction="ingress"}}': "_x2000 60+0x40",
        'cluster:threat_recorded:info{cluster="prod",control="network"}': "1+0x2040",
    },
    "NetworkL7Denials": {
        f"namespace:threat_l7_denials:rate5m{{{SHOP}}}": "_x2000 60+0x40",
        'cluster:threat_recorded:info{cluster="prod",control="network"}': "1+0x2040",
    },
    "WafBlockedSurge": {
        f"namespace_workload_host:threat_waf_blocked:increase5m{{{WEB},{HOST}}}": "_x2000 900+0x40",
        'cluster:threat_recorded:info{cluster="prod",control="waf"}': "1+0x2040",
    },
    "NetworkOutboundTrafficAnomalous": {f"namespace_workload:network_transmit_bytes:spike{{{WEB}}}": "_x2000 9e6+0x40"},
}
"""Alerts that compare with days of history: what is recorded every 5 minutes of a week when they fire.

Their own tests have the history itself, which takes promtool minutes for each; an exclusion is in the alert alone.
"""


def _firing(case: dict[str, Any]) -> dict[str, Any] | None:
    """The first check of a case at which alerts that name a namespace fire."""
    return next(
        (
            check
            for check in case.get("alert_rule_test", [])
            if any("namespace" in alert["exp_labels"] for alert in check["exp_alerts"])
        ),
        None,
    )


def _exclusions(alert: Rule, of: Labels) -> Iterator[tuple[Labels, Labels]]:
    """Labels of threat:excluded, and which alerts they leave out; none for what is about something else."""
    space = {"namespace": of["namespace"]}
    nothing = {"namespace": "nowhere"}
    yield {"alertname": alert.name, **space}, space
    yield {"alertname": "AnotherAlert", **space}, nothing
    if "workload" in of:
        yield {"alertname": alert.name, **space, "workload": of["workload"]}, {**space, "workload": of["workload"]}
        yield {**space, "workload": of["workload"]}, {**space, "workload": of["workload"]}
        yield {**space, "workload": "another"}, nothing
        yield {"namespace": "nowhere", "workload": of["workload"]}, nothing
    if "hostname" in of:
        yield {"alertname": alert.name, "hostname": of["hostname"]}, {"hostname": of["hostname"]}
        yield {"alertname": "AnotherAlert", "hostname": of["hostname"]}, nothing
        yield {"hostname": "another"}, nothing


def _cases(alert: Rule, case: dict[str, Any], check: dict[str, Any]) -> Iterator[dict[str, Any]]:
    of = next(found["exp_labels"] for found in check["exp_alerts"] if "namespace" in found["exp_labels"])
    for labels, gone in _exclusions(alert, of):
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        left = [found for found in check["exp_alerts"] if not gone.items() <= found["exp_labels"].items()]
        yield {
            **case,
            "name": f"threat:excluded{{{text}}}",
            "input_series": [*case["input_series"], {"series": f"threat:excluded{{{text}}}", "values": "1+0x20000"}],
            "alert_rule_test": [{**check, "exp_alerts": left}],
            "promql_expr_test": [],
        }


def _of_history(alert: Rule) -> Iterator[dict[str, Any]]:
    """For each exclusion whether the alert still fires at the end of the week; first of all that it does without."""
    thresholds = set(re.findall(r"threat:threshold\{[^}]+\}", alert.expr))
    recorded = dict.fromkeys(sorted(thresholds), "0+0x2040") | LONG[alert.name]
    history = [{"series": name, "values": values} for name, values in recorded.items()]
    of = {"namespace": "shop"} | ({"workload": "web"} if 'workload!=""' in alert.expr else {})
    for labels, gone in [({"alertname": "None"}, {"namespace": "nowhere"}), *_exclusions(alert, of)]:
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        firing = 0 if gone.items() <= of.items() else 1
        asked = f'count(ALERTS{{alertname="{alert.name}", alertstate="firing"}}) or vector(0)'
        yield {
            "name": f"threat:excluded{{{text}}}",
            "interval": "5m",
            "input_series": [*history, {"series": f"threat:excluded{{{text}}}", "values": "1+0x2040"}],
            "promql_expr_test": [
                {"expr": asked, "eval_time": "10200m", "exp_samples": [{"labels": "{}", "value": firing}]}
            ],
        }


EXCLUDING = [alert for alert in load().alerts if "unless on (namespace) threat:excluded" in alert.expr]


def test_the_histories_are_those_of_alerts() -> None:
    assert {alert.name for alert in EXCLUDING} >= LONG.keys()


@pytest.mark.parametrize("alert", EXCLUDING, ids=lambda alert: alert.name)
def test_an_exclusion_leaves_out_what_it_names_and_nothing_else(tool: Tool, tmp_path: Path, alert: Rule) -> None:
    document = yaml.safe_load(alert.test.read_text(encoding="utf-8"))
    files = [str((alert.test.parent / file).resolve()) for file in document["rule_files"]]
    if alert.name in LONG:
        document = {"rule_files": [str(alert.path)], "evaluation_interval": "5m", "tests": list(_of_history(alert))}
    else:
        case, check = next((case, check) for case in document["tests"] if (check := _firing(case)))
        document |= {"tests": list(_cases(alert, case, check)), "rule_files": files}
    path = tmp_path / f"{alert.name}.test.yaml"
    path.write_text(yaml.safe_dump(document, width=10**9), encoding="utf-8")
    assert failures(tool("promtool"), [path]) == {}


def _young(created: int) -> dict[str, str]:
    """A rule's first event in a namespace whose first pod is there since this step of 5 minutes; known elsewhere."""
    return {
        f'namespace_rule:threat_falco_alerts:increase5m{{{SHOP},rule="x",priority="error"}}': "_x2039 1+0x1",
        'namespace_rule:threat_falco_alerts:increase5m{cluster="prod",namespace="pay",rule="x",priority="error"}': (
            "_x900 1 _x1100"
        ),
        'cluster:threat_recorded:info{cluster="prod",control="ids"}': "1+0x2040",
        'kube_pod_info{cluster="prod",namespace="pay",pod="ledger-1"}': "1+0x2040",
        f'kube_pod_info{{{SHOP},pod="web-1"}}': f"_x{created} 1+0x2040" if created else "1+0x2040",
    }


def test_in_a_namespace_younger_than_a_week_only_what_the_cluster_never_saw_is_new(tool: Tool, tmp_path: Path) -> None:
    alert = next(alert for alert in load().alerts if alert.name == "IdsRuleNeverSeenBefore")
    unknown = {name: values for name, values in _young(1000).items() if 'namespace="pay",rule' not in name}
    tests = [
        {
            "name": name,
            "interval": "5m",
            "input_series": [{"series": series, "values": values} for series, values in recorded.items()],
            "promql_expr_test": [
                {
                    "expr": 'count(ALERTS{alertstate="firing"}) or vector(0)',
                    "eval_time": "10195m",
                    "exp_samples": [{"labels": "{}", "value": firing}],
                }
            ],
        }
        for name, recorded, firing in (
            ("an old namespace", _young(0), 1),
            ("a young one", _young(1000), 0),
            ("a young one, and nobody knows the rule", unknown, 1),
        )
    ]
    path = tmp_path / "young.test.yaml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(alert.path)], "evaluation_interval": "5m", "tests": tests}, width=10**9),
        encoding="utf-8",
    )
    assert failures(tool("promtool"), [path]) == {}
