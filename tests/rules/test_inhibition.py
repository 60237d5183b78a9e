"""An alert keeps back what it stands for, and never a critical alert about something else."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import promql_parser as pq
import yaml

from rules.promql import known, labels_of
from rules.tree import ROOT, Rule, load
from tests.rules.inhibition import Labels, keeps_back

RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "alertmanager.yml").read_text(encoding="utf-8"))["inhibit_rules"]
TREE = load()
HERE = {"cluster": "prod", "namespace": "shop"}
WEB = {"workload": "web", "pod": "web-1"}
CART = {"workload": "cart", "pod": "cart-1"}


def _alert(rule: Rule, place: Labels) -> dict[str, str]:
    return {"alertname": rule.name, **rule.labels, **HERE, **place}


@cache
def _left(expression: str) -> frozenset[str]:
    """Labels that an alert can carry."""
    return labels_of(pq.parse(expression), known(ROOT / "external.yaml", TREE.recordings))


def _places(rule: Rule, place: Labels) -> Iterator[Labels]:
    """Every part of a place that an alert may be able to name: none, its workload, its pod, both."""
    left = sorted(_left(rule.expr) & place.keys())
    for count in range(len(left) + 1):
        for chosen in combinations(left, count):
            yield {name: place[name] for name in chosen}


def _spoken_of_a_namespace() -> list[Rule]:
    return [rule for rule in TREE.alerts if "namespace" in _left(rule.expr)]


def test_no_alert_keeps_back_a_critical_one_about_another_workload_or_pod() -> None:
    alerts = _spoken_of_a_namespace()
    critical = [rule for rule in alerts if rule.labels["severity"] == "critical"]
    assert len(critical) >= 4
    kept = [
        f"{_alert(source, here)} keeps back {_alert(target, there)}"
        for source in alerts
        for here in _places(source, WEB)
        for target in critical
        for there in _places(target, CART)
        if there and keeps_back(RULES, _alert(source, here), _alert(target, there))
    ]
    assert kept == []


def test_a_critical_alert_that_names_no_place_is_kept_back_by_none() -> None:
    """Two labels that are both missing are equal to Alertmanager, but not the same workload."""
    alerts = _spoken_of_a_namespace()
    kept = [
        f"{source.name} {here} keeps back {target.name}"
        for source in alerts
        for here in _places(source, WEB)
        for target in alerts
        if target.labels["severity"] == "critical" and keeps_back(RULES, _alert(source, here), _alert(target, {}))
    ]
    assert kept == []


def test_a_warning_about_another_workload_is_kept_back_by_a_correlated_alert_alone() -> None:
    alerts = _spoken_of_a_namespace()
    by = {
        source.labels["control"]
        for source in alerts
        for here in _places(source, WEB)
        for target in alerts
        if target.labels["severity"] == "warning" and target.labels["control"] != "several"
        for there in _places(target, CART)
        if there and keeps_back(RULES, _alert(source, here), _alert(target, there))
    }
    assert by == {"several"}


def test_the_whole_keeps_back_what_speaks_of_the_same_workload_or_pod() -> None:
    alerts = {rule.name: rule for rule in TREE.alerts}
    by_workload = _alert(alerts["CorrelatedWorkload"], {"workload": "web"})
    by_pod = _alert(alerts["CorrelatedWorkload"], {"pod": "web-1"})
    for name in ("IdsCriticalAlert", "IdsBurstInPod", "NetworkDnsTunnel"):
        assert keeps_back(RULES, by_workload, _alert(alerts[name], WEB)), name
        assert keeps_back(RULES, by_pod, _alert(alerts[name], WEB)), name
    assert keeps_back(RULES, by_workload, _alert(alerts["HostCpuSpikeWithIdsAlert"], {"workload": "web"}))
    assert keeps_back(RULES, by_workload, _alert(alerts["CorrelatedNamespace"], {}))
    assert keeps_back(RULES, by_workload, _alert(alerts["NetworkEgressDenialsSurging"], {}))


def test_a_critical_alert_keeps_back_the_warnings_that_say_the_same_with_less_weight() -> None:
    alerts = {rule.name: rule for rule in TREE.alerts}
    critical = _alert(alerts["IdsCriticalAlert"], WEB)
    assert keeps_back(RULES, critical, _alert(alerts["IdsBurstInPod"], WEB))
    assert keeps_back(RULES, critical, _alert(alerts["IdsRuleNeverSeenBefore"], {}))
    assert not keeps_back(RULES, critical, _alert(alerts["IdsBurstInPod"], CART))
    assert not keeps_back(RULES, critical, _alert(alerts["NetworkDnsDenied"], WEB))
    elsewhere = {**_alert(alerts["IdsBurstInPod"], WEB), "namespace": "pay"}
    assert not keeps_back(RULES, critical, elsewhere)


def test_what_stands_for_others_outlasts_an_exclusion_of_them_all() -> None:
    """Groups of rules are evaluated at times of their own: a part that fired a little longer would be told as news."""
    assert {rule.name: rule.keep for rule in TREE.alerts if rule.labels["control"] == "several"} == {
        "CorrelatedFurtherKind": "2m",
        "CorrelatedNamespace": "2m",
        "CorrelatedWorkload": "2m",
    }
