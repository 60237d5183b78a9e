"""Properties of all rules. Each check names every offender at once; none of them needs Prometheus."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import promql_parser as pq
import yaml

from rules import counts, page
from rules.promql import Series, faults, known, labels_of
from rules.tree import CONTROLS, LONGEST_GROUP, SEVERITIES, Rule, Tree
from rules.unique import WRITTEN_BY_USERS, keys_of_recordings
from rules.unique import faults as failures
from rules.workloads import unknown_workloads

CASES = ("fires", "silent", "boundary", "restart", "missing")
"""What the name of a promtool case begins with; an alert has at least one of each (the watchdog can only fire)."""

_ALWAYS_FIRES = "PlatformWatchdog"
_EVENTS = re.compile(r"increase|threat_falco_alerts:timestamp|threat_correlation|threat_further_kinds")
"""In the expression of an alert on events: its end says no more than that none came, and `resolved` says so."""

_LEFT_OUT_SINCE = "(or an exclusion since)"
"""In the end of an alert on events: an exclusion ends it as well, and Prometheus does not say which it was."""

_LEFT_OUT = {
    "namespace": ("namespace", 'workload="", hostname=""'),
    "workload": ("namespace, workload", 'workload!=""'),
    "hostname": ("hostname", 'namespace="", hostname!=""'),
}
"""What an alert may be left out by -> the labels that threat:excluded is matched on, and which of its series count."""
_USED_LABEL = re.compile(r"\$labels\.(\w+)")


def _series(tree: Tree) -> dict[str, Series]:
    return known(tree.root / "external.yaml", tree.recordings)


def triples(tree: Tree) -> list[str]:
    """An alert is a rule, its test and its page, in files of its name, and no such file is left alone."""
    found = [
        f"{alert.name}: {path.name} is missing"
        for alert in tree.alerts
        for path in (alert.page, alert.test)
        if not path.is_file()
    ]
    found += [f"{alert.path.name} holds {alert.name}" for alert in tree.alerts if alert.path.stem != alert.name]
    found += [
        f"{rule.path.stem}: recording without {rule.test.name}" for rule in _firsts(tree) if not rule.test.is_file()
    ]
    wanted = {path for alert in tree.alerts for path in (alert.path, alert.page, alert.test)}
    found += [f"{path.name} belongs to no alert" for path in sorted(tree.root.glob("alerts/*/*")) if path not in wanted]
    names = [alert.name for alert in tree.alerts]
    return found + [f"{name} exists twice" for name in sorted({name for name in names if names.count(name) > 1})]


def _firsts(tree: Tree) -> list[Rule]:
    return list({rule.path: rule for rule in tree.recordings if rule.path.stem != "thresholds"}.values())


def shape(tree: Tree) -> list[str]:
    """Names share the family's first word; labels and annotations are the ones that routes and messages rely on."""
    found = []
    for alert in tree.alerts:
        word = alert.family.capitalize()
        if not re.fullmatch(word + r"([A-Z][a-z0-9]+)+", alert.name):
            found.append(f"{alert.name}: is not CamelCase beginning with {word}")
        if alert.labels.get("severity") not in SEVERITIES or alert.labels.get("control") not in CONTROLS:
            found.append(f"{alert.name}: severity or control is not one of the known ones")
        if set(alert.labels) != {"severity", "control"}:
            found.append(f"{alert.name}: has other labels than severity and control")
        # What a host does is a state, also where events have to be there beside it.
        events = alert.labels.get("control") != "host" and _EVENTS.search(alert.expr)
        wanted = {"summary", "description"} | ({"resolved"} if events else set())
        if set(alert.annotations) != wanted:
            found.append(f"{alert.name}: its annotations are not {', '.join(sorted(wanted))}")
        elif events and alert.labels["control"] != "several" and ", the last at" not in alert.annotations["resolved"]:
            found.append(f"{alert.name}: its end does not say when the last event was")
        if events and ("threat:excluded" in alert.expr) != (_LEFT_OUT_SINCE in alert.annotations.get("resolved", "")):
            found.append(f"{alert.name}: its end says {_LEFT_OUT_SINCE} if and only if it can be left out")
        if "{{" in alert.annotations.get("summary", ""):
            found.append(f"{alert.name}: the summary has to suit a group of alerts, so it takes no values")
        if alert.group != f"threatboard-{alert.family}":
            found.append(f"{alert.name}: its group is {alert.group}")
    found += [
        f"{r.name}: not level:metric:operation" for r in tree.recordings if not re.fullmatch(r"\w+:\w+(:\w+)?", r.name)
    ]
    extra = [group["name"] for group in tree.groups if set(group) != {"name", "rules"}]
    return found + [f"group {name} sets more than rules; its interval is the user's" for name in extra]


def names(tree: Tree) -> list[str]:
    """Metrics, labels and closed values exist in the catalog, in the allow list, or in a recording."""
    series = _series(tree)
    return [f"{rule.name}: {fault}" for rule in tree.rules for fault in faults(rule.expr, series)]


def never_fails(tree: Tree) -> list[str]:
    """No expression assumes that a cluster serves one series where it may serve two."""
    known_keys = keys_of_recordings(tree.recordings)
    return [f"{rule.name}: {fault}" for rule in tree.rules for fault in failures(rule.expr, known_keys)]


def template_labels(tree: Tree) -> list[str]:
    """A label that a message shows is one that the expression leaves, and no label of the rule hides one of its own."""
    series = _series(tree)
    found = []
    for alert in tree.alerts:
        left = labels_of(pq.parse(alert.expr), series)
        used = set(_USED_LABEL.findall(" ".join([*alert.labels.values(), *alert.annotations.values()])))
        found += [f"{alert.name}: shows {label}, which its expression does not leave" for label in sorted(used - left)]
        found += [f"{alert.name}: its label {label} would merge alerts" for label in sorted(left & set(alert.labels))]
    return found


def counts_are_true(tree: Tree) -> list[str]:
    """No message shows a number without a form, or more than was counted; one is "once" or "one"."""
    bare = re.compile(r"\{\{-?\s*(\$value|\.Value)\s*-?\}\}")
    stretched = counts.stretched_recordings(tree.recordings)
    found = [f"{a.name}: shows a bare value" for a in tree.alerts if bare.search(a.annotations["description"])]
    return found + [f"{a.name}: {fault}" for a in tree.alerts for fault in counts.faults(a, stretched)]


def duplicates(tree: Tree) -> list[str]:
    """No two rules ask the same question."""
    by_text: Mapping[str, list[str]] = defaultdict(list)
    for rule in tree.rules:
        if rule.name not in WRITTEN_BY_USERS:
            by_text[pq.parse(rule.expr).prettify()].append(rule.name)
    return [" and ".join(same) + " have one expression" for same in by_text.values() if len(same) > 1]


def thresholds(tree: Tree) -> list[str]:
    """A threshold is that of an alert that exists, told once and read by a rule."""
    read = {name for alert in tree.alerts for name in re.findall(r'threat:threshold\{alertname="(\w+)"\}', alert.expr)}
    told = [rule.labels["alertname"] for rule in tree.recordings if rule.name == "threat:threshold"]
    existing = {alert.name for alert in tree.alerts}
    found = [f"{name}: no rule reads its threshold" for name in sorted(set(told) - read)]
    found += [f"{name}: threshold of an alert that does not exist" for name in sorted(set(told) - existing)]
    return found + [f"{name}: threshold told twice" for name in sorted(set(told)) if told.count(name) > 1]


def exclusions(tree: Tree) -> list[str]:
    """Every alert that names a namespace can be left out there, for one workload alone, and on a node that it names."""
    series = _series(tree)
    found = []
    for alert in tree.alerts:
        left = labels_of(pq.parse(alert.expr), series)
        for label, (on, rest) in _LEFT_OUT.items():
            wanted = f'unless on ({on}) threat:excluded{{alertname=~"|{alert.name}", {rest}}}'
            if {"namespace", label} <= left and wanted not in alert.expr:
                found.append(f"{alert.name}: names a {label} but lacks `{wanted}`")
    return found


def groups(tree: Tree) -> list[str]:
    """No group of recordings is longer than a ruler takes; those of alerts are split where they are written."""
    return [
        f"group {group['name']} has {len(group['rules'])} rules: more than {LONGEST_GROUP}"
        for group in tree.groups
        if len(group["rules"]) > LONGEST_GROUP
    ]


def no_wide_selectors(tree: Tree) -> list[str]:
    """A regular expression never chooses the metric, and nothing is read without a name."""
    return [rule.name for rule in tree.rules if "__name__" in rule.expr]


def cases(tree: Tree) -> list[str]:
    """A test names its alert, gives every case a sentence, and has each kind of case."""
    found = []
    for alert in tree.alerts:
        if not alert.test.is_file():
            continue
        test: dict[str, Any] = yaml.safe_load(alert.test.read_text(encoding="utf-8"))
        titles = [case.get("name", "") for case in test["tests"]]
        kinds = {title.partition(":")[0] for title in titles}
        wanted = {"fires"} if alert.name == _ALWAYS_FIRES else set(CASES)
        found += [f"{alert.name}: no case that begins with {kind}:" for kind in sorted(wanted - kinds)]
        found += [
            f"{alert.name}: {title!r} begins with none of {CASES}"
            for title in titles
            if title.partition(":")[0] not in CASES
        ]
        asked = {check["alertname"] for case in test["tests"] for check in case.get("alert_rule_test", [])}
        found += [f"{alert.name}: its test asks for {name}" for name in sorted(asked - {alert.name})]
    return found


def pages(tree: Tree) -> list[str]:
    """A page has its sections, real ATT&CK ids, the alert's severity, a way to make it fire, queries and commands that
    hold, and names what exists."""
    known = page.told(tree)
    found = [
        f"{alert.name}: {fault}" for alert in tree.alerts if alert.page.is_file() for fault in page.faults(alert, known)
    ]
    shared = page.first_response(tree)
    return found + [
        f"{shared.name}: {fault}" for fault in page.shared_faults(shared.read_text(encoding="utf-8"), known)
    ]


CHECKS: tuple[Callable[[Tree], list[str]], ...] = (
    triples,
    shape,
    names,
    never_fails,
    template_labels,
    counts_are_true,
    unknown_workloads,
    duplicates,
    thresholds,
    exclusions,
    groups,
    no_wide_selectors,
    cases,
    pages,
)
"""Every check; a check returns one sentence for each offender."""
