"""The rules in the chart: what each knob of `rules` changes, and that Prometheus takes the outcome."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import promql_parser as pq
import pytest
import yaml

from rules.promql import known, labels_of
from rules.tree import LONGEST_GROUP, ROOT, load
from tests.helm.chart import CHART, Object, objects, one, refusal

ALL = {"ids": True, "network": True, "hubble": True, "waf": True}


def shipped() -> dict[str, Object]:
    """The alerts in the chart's file, by name."""
    groups = yaml.safe_load((CHART / "files/rules.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def groups(controls: dict[str, bool] | None = None, **rules: Any) -> list[Object]:
    """The groups of the PrometheusRule with these values of `rules`."""
    made = one({"controls": controls or ALL, "rules": {"enabled": True, **rules}}, "PrometheusRule")
    found: list[Object] = made["spec"]["groups"]
    return found


def alerts(controls: dict[str, bool] | None = None, **rules: Any) -> dict[str, Object]:
    """The alerts in it, by name."""
    found = groups(controls, **rules)
    return {rule["alert"]: rule for group in found for rule in group["rules"] if "alert" in rule}


def recordings(name: str, **rules: Any) -> list[Object]:
    """The recording rules of a name."""
    return [rule for group in groups(**rules) for rule in group["rules"] if rule.get("record") == name]


def test_all_rules_are_loaded_when_every_control_is_expected() -> None:
    assert alerts().keys() == shipped().keys()
    assert len(alerts()) > 30


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {
            "runbookUrl": "https://runbooks.example.com/",
            "grafanaUrl": "https://grafana.example.com",
            "extraLabels": {"team": "security"},
            "extraAnnotations": {"note": 'a "quoted" {{ $labels.namespace }}'},
            "excludedNamespaces": ["sandbox", "ci"],
            "overrides": {
                "IdsAlertsAboveBaseline": {
                    "threshold": 2500000,
                    "for": "1h30m",
                    "keepFiringFor": "10m",
                    "severity": "info",
                },
                "NetworkNxdomainSurge": {"threshold": 0.25, "labels": {"team": "dns"}, "annotations": {"x": "y"}},
                "HostCpuSpike": {"enabled": False},
            },
        },
        {"alerts": False},
    ],
    ids=["as shipped", "everything overridden", "recordings alone"],
)
@pytest.mark.parametrize("kind", ["PrometheusRule", "ConfigMap"])
def test_prometheus_takes_them(tool: Callable[[str], Path], tmp_path: Path, rules: dict[str, Any], kind: str) -> None:
    values = {"controls": ALL, "rules": {"enabled": True, "kind": kind, **rules}}
    if kind == "PrometheusRule":
        text = yaml.safe_dump({"groups": one(values, "PrometheusRule")["spec"]["groups"]})
    else:
        text = one(values, "ConfigMap", "threatboard-rules")["data"]["threatboard-rules.yaml"]
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    checked = subprocess.run([tool("promtool"), "check", "rules", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS" in checked.stdout


def test_the_expressions_arrive_as_they_were_written() -> None:
    made = alerts()
    assert all(made[name]["expr"].split() == rule["expr"].split() for name, rule in shipped().items())


def test_one_alert_can_be_left_out() -> None:
    assert shipped().keys() - alerts(overrides={"HostCpuSpike": {"enabled": False}}).keys() == {"HostCpuSpike"}


def test_one_alert_can_wait_longer_and_be_less_severe() -> None:
    change = {"for": "1h", "keepFiringFor": "5m", "severity": "info"}
    made = alerts(overrides={"IdsCriticalAlert": change})
    assert made["IdsCriticalAlert"]["for"] == "1h"
    assert made["IdsCriticalAlert"]["keep_firing_for"] == "5m"
    assert made["IdsCriticalAlert"]["labels"] == {"severity": "info", "control": "ids"}
    others = alerts()
    assert all(made[name] == others[name] for name in made if name != "IdsCriticalAlert")


def test_no_group_is_longer_than_a_ruler_takes_however_much_is_set() -> None:
    tuned = {rule["labels"]["alertname"]: {"threshold": 7, "for": "1h"} for rule in recordings("threat:threshold")}
    found = groups(
        overrides=tuned,
        excludedNamespaces=[f"n-{number}" for number in range(70)],
        excluded=[{"alert": "IdsCriticalAlert", "namespace": "ci", "workload": f"w-{number}"} for number in range(70)],
    )
    assert {group["name"]: len(group["rules"]) for group in found if len(group["rules"]) > LONGEST_GROUP} == {}
    names = [group["name"] for group in found]
    assert len(names) == len(set(names))
    assert sum(rule.get("record") == "threat:excluded" for group in found for rule in group["rules"]) == 140


def test_a_threshold_is_the_recording_that_the_alert_compares_with() -> None:
    made = recordings("threat:threshold", overrides={"NetworkNxdomainSurge": {"threshold": 0}})
    values = {rule["labels"]["alertname"]: rule["expr"] for rule in made}
    assert values["NetworkNxdomainSurge"] == "vector(0)"
    assert values["IdsBurstInPod"] == "vector(30)"


def test_an_alert_a_workload_or_a_node_is_left_out_by_a_recording_each() -> None:
    narrow = [
        {"alert": "IdsCriticalAlert", "namespace": "ci", "workload": "runner"},
        {"alert": "IdsCriticalAlert", "node": "ci-node-1"},
        {"alert": "NetworkUnexpectedDrops", "reason": "TTL exceeded"},
        {"namespace": "ci"},
    ]
    made = recordings("threat:excluded", excludedNamespaces=["ci"], excluded=narrow)
    assert [rule["labels"] for rule in made] == [
        {"namespace": "ci"},
        {"alertname": "IdsCriticalAlert", "namespace": "ci", "workload": "runner"},
        {"alertname": "IdsCriticalAlert", "hostname": "ci-node-1"},
        {"alertname": "NetworkUnexpectedDrops", "reason": "TTL exceeded"},
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"alert": "IdsCriticalAlert"},
        {"workload": "runner"},
        {"namespace": "ci", "node": "ci-node-1"},
        {"alert": "IdsCriticalAlerts", "namespace": "ci"},
        {"reason": "TTL exceeded"},
    ],
)
def test_an_exclusion_that_would_leave_out_nothing_or_too_much_is_refused(entry: dict[str, str]) -> None:
    assert "excluded" in refusal({"controls": ALL, "rules": {"enabled": True, "excluded": [entry]}})


def test_a_label_that_an_expression_makes_is_refused_as_an_extra_one() -> None:
    tree = load()
    series = known(ROOT / "external.yaml", tree.recordings)
    made = {label for alert in tree.alerts for label in labels_of(pq.parse(alert.expr), series)}
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert set(schema["$defs"]["alertLabels"]["propertyNames"]["not"]["enum"]) == made
    for name in made:
        for rules in ({"extraLabels": {name: "x"}}, {"overrides": {"HostCpuSpike": {"labels": {name: "x"}}}}):
            assert f"'{name}'" in refusal({"rules": {"enabled": True, **rules}})


def test_namespaces_are_left_out_by_a_recording_each() -> None:
    made = recordings("threat:excluded", excludedNamespaces=["sandbox", "ci"])
    assert [(rule["labels"], rule["expr"]) for rule in made] == [
        ({"namespace": "sandbox"}, "vector(1)"),
        ({"namespace": "ci"}, "vector(1)"),
    ]
    assert recordings("threat:excluded") == []


def test_labels_and_annotations_come_on_top_and_never_replace_what_routes_rely_on() -> None:
    made = alerts(
        extraLabels={"team": "security", "severity": "info", "control": "none"},
        extraAnnotations={"note": "all"},
        overrides={"HostCpuSpike": {"labels": {"team": "compute"}, "annotations": {"note": "this"}}},
    )
    assert made["IdsCriticalAlert"]["labels"] == {"severity": "critical", "control": "ids", "team": "security"}
    assert made["IdsCriticalAlert"]["annotations"]["note"] == "all"
    assert made["HostCpuSpike"]["labels"]["team"] == "compute"
    assert made["HostCpuSpike"]["annotations"]["note"] == "this"


def test_links_are_made_from_the_base_urls_and_left_out_without() -> None:
    bare = alerts()
    assert not [
        name for name, rule in bare.items() if rule["annotations"].keys() - {"resolved"} != {"summary", "description"}
    ]
    made = alerts(runbookUrl="https://runbooks.example.com/threat/", grafanaUrl="https://grafana.example.com/")
    links = made["HostCpuSpike"]["annotations"]
    assert links["runbook_url"] == "https://runbooks.example.com/threat/host/HostCpuSpike.md"
    assert links["dashboard_url"].startswith("https://grafana.example.com/d/threatboard-investigate?{{ with")
    assert not [name for name, rule in made.items() if {"RUNBOOKS", "GRAFANA"} & set(str(rule).split("/"))]


def test_one_alert_can_have_its_own_runbook() -> None:
    own = "https://wiki.example.com/cpu"
    made = alerts(overrides={"HostCpuSpike": {"annotations": {"runbook_url": own}}}, runbookUrl="https://x.example.com")
    assert made["HostCpuSpike"]["annotations"]["runbook_url"] == own


def test_recordings_can_be_had_alone() -> None:
    assert alerts(alerts=False) == {}
    assert recordings("namespace_workload_pod:threat_events:increase5m", alerts=False)


@pytest.mark.parametrize(
    ("controls", "gone"),
    [
        ({"ids": False, "network": True, "hubble": False, "waf": False}, {"ids", "waf"}),
        ({"ids": True, "network": False, "hubble": False, "waf": False}, {"network", "waf"}),
        ({"ids": True, "network": False, "hubble": True, "waf": True}, set()),
    ],
)
def test_rules_of_a_control_that_is_off_are_left_out(controls: dict[str, bool], gone: set[str]) -> None:
    found = groups(controls)
    expected = {name for name, rule in shipped().items() if rule["labels"]["control"] not in gone}
    assert alerts(controls).keys() == expected
    recorded = {group["name"].removeprefix("threatboard-recording-").partition("-")[0] for group in found}
    assert not recorded & gone
    assert {rule["labels"]["control"] for rule in alerts(controls).values()} >= {"platform", "host", "several"}


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            {"HostCpuSpikes": {"enabled": False}},
            "rules.overrides.HostCpuSpikes: there is no such alert; there are Corre",
        ),
        (
            {"IdsCriticalAlert": {"threshold": 3}},
            "rules.overrides.IdsCriticalAlert.threshold: this alert has none; those",
        ),
    ],
)
def test_an_override_without_effect_is_refused(overrides: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal({"rules": {"enabled": True, "overrides": overrides}})


def test_the_object_carries_the_labels_that_the_operator_selects_by() -> None:
    values = {
        "monitoring": {"labels": {"release": "kps"}, "annotations": {"a": "1"}, "namespace": "rules"},
        "rules": {"enabled": True, "labels": {"role": "alert-rules"}, "annotations": {"b": "2"}},
    }
    metadata = one(values, "PrometheusRule")["metadata"]
    assert metadata["labels"].items() >= {"release": "kps", "role": "alert-rules"}.items()
    assert (metadata["annotations"], metadata["namespace"]) == ({"a": "1", "b": "2"}, "rules")


def test_nothing_is_loaded_unless_asked_for() -> None:
    assert not [
        made for made in objects({}) if made["kind"] in ("PrometheusRule", "ServiceMonitor", "AlertmanagerConfig")
    ]
