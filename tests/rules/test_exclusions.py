"""What is left out is left out of the alert that is named, for the workload or node that is named, and nowhere else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from rules.tree import Rule, load
from tests.rules.promtool import failures

Tool = Callable[[str], Path]
Labels = dict[str, str]

LONG = {
    "HostCpuSpike",
    "HostCpuSpikeWithIdsAlert",
    "IdsAlertsAboveBaseline",
    "IdsRuleNeverSeenBefore",
    "NetworkDnsSpike",
    "NetworkEgressDenialsSurging",
    "NetworkIngressDenialsSurging",
    "NetworkL7Denials",
    "NetworkOutboundTrafficAnomalous",
}
"""Need days of history, which takes promtool minutes; `rules.checks.exclusions` sees that they ask as the others do."""


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


def test_every_exclusion_leaves_out_what_it_names_and_nothing_else(tool: Tool, tmp_path: Path) -> None:
    tests = []
    wanted = {alert.name for alert in load().alerts if "threat:excluded" in alert.expr}
    for alert in load().alerts:
        if alert.name not in wanted - LONG:
            continue
        document = yaml.safe_load(alert.test.read_text(encoding="utf-8"))
        case, check = next((case, check) for case in document["tests"] if (check := _firing(case)))
        document["tests"] = list(_cases(alert, case, check))
        document["rule_files"] = [str((alert.test.parent / file).resolve()) for file in document["rule_files"]]
        path = tmp_path / f"{alert.name}.test.yaml"
        path.write_text(yaml.safe_dump(document, width=10**9), encoding="utf-8")
        tests.append(path)
    assert {path.name.removesuffix(".test.yaml") for path in tests} == wanted - LONG
    assert failures(tool("promtool"), tests) == {}
