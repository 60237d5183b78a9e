"""The AlertmanagerConfig groups, waits and inhibits as rules/alertmanager.yml does, from which it is made.

Compared with a reader of its own, so that neither the generator nor the template loses anything on the way.
"""

import re
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from tests.helm.chart import ROOT, Object
from tests.helm.test_alertmanager import made

Matcher = tuple[str, str, str]
"""Label, operator, value."""

EXAMPLE: Object = yaml.safe_load((ROOT / "rules/alertmanager.yml").read_text(encoding="utf-8"))


def matchers(either: Iterable[str | Object]) -> frozenset[Matcher]:
    """Matchers, whether as Alertmanager's own text or as objects of an AlertmanagerConfig."""
    return frozenset(_matcher(one) for one in either)


def _matcher(one: str | Object) -> Matcher:
    if isinstance(one, dict):
        return one["name"], one["matchType"], one["value"]
    found = re.fullmatch(r'(\w+) *(=~|!~|!=|=) *("?)([^"]*)\3', one)
    assert found, one
    return found[1], found[2], found[4]


def rendered(**values: Any) -> Object:
    """The `spec` of the one AlertmanagerConfig."""
    (config,) = made(matcherStrategy="None", **values)
    spec: Object = config["spec"]
    return spec


def by_control(routes: Iterable[Object]) -> dict[str, Object]:
    """The routes that choose by the label `control`, by the value that they choose."""
    return {value: route for route in routes for name, _, value in matchers(route["matchers"]) if name == "control"}


def waits(route: Object, style: tuple[str, str, str]) -> tuple[Any, ...]:
    """Interval, and for a warning and a critical alert: the labels of its group, and how long it waits for others."""
    by, interval, wait = style
    children = {matchers(child["matchers"]): child for child in route.get("routes", [])}
    critical = children.get(frozenset({("severity", "=", "critical")}), {})
    grouped = sorted(route[by]), sorted(critical.get(by, route[by]))
    return *grouped, route[interval], route[wait], critical.get(wait, route[wait])


def test_groups_and_waits_are_those_of_the_rules() -> None:
    ours, theirs = by_control(rendered()["route"]["routes"]), by_control(EXAMPLE["route"]["routes"])
    assert ours.keys() == theirs.keys() == {"several", "ids|network|waf|host", "platform"}
    for control, route in theirs.items():
        expected = waits(route, ("group_by", "group_interval", "group_wait"))
        assert waits(ours[control], ("groupBy", "groupInterval", "groupWait")) == expected, control


def test_inhibition_is_that_of_the_rules() -> None:
    ours = [
        (matchers(r["sourceMatch"]), matchers(r["targetMatch"]), set(r["equal"])) for r in rendered()["inhibitRules"]
    ]
    theirs = [
        (matchers(r["source_matchers"]), matchers(r["target_matchers"]), set(r["equal"]))
        for r in EXAMPLE["inhibit_rules"]
    ]
    assert len(ours) > 5
    assert ours == theirs


@pytest.mark.parametrize("control", ["several", "ids|network|waf|host", "platform"])
def test_every_group_has_only_the_wanted_severities_and_repeats_as_wanted(control: str) -> None:
    route = rendered(severities=["critical", "info"], repeatInterval="24h")["route"]
    assert route["repeatInterval"] == "24h"
    group = by_control(route["routes"])[control]
    assert ("severity", "=~", "critical|info") in matchers(group["matchers"])
    assert not any("repeatInterval" in inner for inner in (group, *group.get("routes", [])))
