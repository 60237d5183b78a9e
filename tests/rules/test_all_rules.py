"""One test a property, over all rules at once; each fails with the full list of offenders."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.catalog import REJECT_REASONS
from rules import checks
from rules.tree import ROOT, Tree, load
from rules.workloads import unknown_workloads


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_all_rules_have_the_property(check: Callable[[Tree], list[str]]) -> None:
    assert check(load()) == []


# One fault planted in a copy of the rules: file, text that is replaced, replacement, and the check that has to see it.
FAULTS = (
    ("ids/IdsBurstInPod.yaml", "IdsBurstInPod\n", "IdsBurstInPods\n", checks.triples),
    ("ids/IdsBurstInPod.yaml", "severity: warning", "severity: page", checks.shape),
    ("ids/IdsBurstInPod.yaml", "threatboard-ids", "threatboard-ids\n    interval: 1m", checks.shape),
    ("ids/IdsBurstInPod.yaml", "summary: One pod", "summary: '{{ $labels.pod }}'\n          x: One pod", checks.shape),
    ("ids/IdsCriticalAlert.yaml", "threat_falco_alerts_total", "threat_falco_alert_total", checks.names),
    ("ids/IdsCriticalAlert.yaml", "emergency|alert", "emergencies|alert", checks.names),
    ("ids/IdsCriticalAlert.yaml", "{priority=~", "{prio=~", checks.names),
    ("ids/IdsCriticalAlert.yaml", "hostname, rule", "rule", checks.template_labels),
    ("ids/IdsCriticalAlert.yaml", "sum by (cluster, k8s_ns_name,", "sum without (instance,", checks.never_fails),
    ("ids/IdsBurstInPod.yaml", "max(threat:threshold", "(threat:threshold", checks.never_fails),
    ("platform/PlatformEventsRejected.yaml", "cluster, reason", "cluster, control, reason", checks.template_labels),
    ("network/NetworkDnsSpike.yaml", 'spike{workload!=""}', "spike", unknown_workloads),
    ("../recording/workload.yaml", 'queries:rate5m{workload!=""}', "queries:rate5m", unknown_workloads),
    ("../recording/correlated.yaml", 'increase3m{workload!=""}', "increase3m", unknown_workloads),
    ("../recording/network.yaml", 'source_workload!=""}', "}", unknown_workloads),
    ("ids/IdsBurstInPod.yaml", 'printf "%.0f" $value', "$value", checks.counts_are_true),
    (
        "platform/PlatformFalcoSilent.yaml",
        "time() - hostname:threat_falco_heard:timestamp",
        "increase(up[5m])",
        checks.counts_are_true,
    ),
    ("ids/IdsBurstInPod.yaml", "min_over_time", "increase", checks.counts_are_true),
    ("ids/IdsBurstInPod.yaml", "in 5 minutes from", "in 5 minute(s) from", checks.counts_are_true),
    ("ids/IdsBurstInPod.yaml", ", the last at", ", at", checks.shape),
    ("ids/IdsBurstInPod.yaml", 'alertname="IdsBurstInPod"', 'alertname="HostCpuSpike"', checks.thresholds),
    ("ids/IdsBurstInPod.yaml", "unless on (namespace) threat:excluded", "unless threat:excluded", checks.exclusions),
    ("ids/IdsBurstInPod.yaml", 'workload!=""', 'workload=~".+"', checks.exclusions),
    ("ids/IdsCriticalAlert.yaml", "unless on (hostname) ", "unless on (namespace) ", checks.exclusions),
    ("ids/IdsBurstInPod.yaml", "|IdsBurstInPod", "|IdsCriticalAlert", checks.exclusions),
    (
        "ids/IdsBurstInPod.yaml",
        "namespace_workload_pod:threat_events:increase5m{",
        '{__name__=~".*", ',
        checks.no_wide_selectors,
    ),
    ("ids/IdsBurstInPod.test.yaml", "'boundary:", "'border:", checks.cases),
    ("ids/IdsBurstInPod.test.yaml", "alertname: IdsBurstInPod", "alertname: IdsBurst", checks.cases),
    ("ids/IdsBurstInPod.md", "## Goal", "## Aim", checks.pages),
    ("ids/IdsBurstInPod.md", "Warning:", "Critical:", checks.pages),
    ("ids/IdsBurstInPod.md", "T1059 Command", "T1058 Command", checks.pages),
    ("ids/IdsBurstInPod.md", "T1059 Command", "T1059 Commando", checks.pages),
    ("ids/IdsBurstInPod.md", '"priority":"Notice"', '"priority":"Loud"', checks.pages),
    ("ids/IdsBurstInPod.md", "sum by (rule, priority)", "sum by (rule, colour)", checks.pages),
    ("ids/IdsBurstInPod.md", "**First five minutes.**", "", checks.pages),
    ("ids/IdsBurstInPod.md", "**Who else.**", "Who else:", checks.pages),
    ("ids/IdsBurstInPod.md", "**It was nothing.**", "Nothing:", checks.pages),
    ("ids/IdsBurstInPod.md", "IdsCriticalAlert", "IdsCriticalAlerts", checks.pages),
    ("network/NetworkRepeatedDeniedEgress.md", "source_workload and", "source_workloads and", checks.pages),
    ("platform/PlatformSeriesOverflow.md", "`series.limit`", "`series.limits`", checks.pages),
    ("platform/PlatformEventsRejected.md", "`too_deep`", "`too_steep`", checks.pages),
    ("platform/PlatformFalcoSilent.md", "`metrics.interval`", "`metrics.period`", checks.pages),
    ("correlated/CorrelatedNamespace.md", "threatboard-investigate", "threatboard-investigation", checks.pages),
    ("platform/PlatformFalcoSilent.md", 'kubectl -n "$FALCO"', "kubectl -n falco", checks.pages),
    ("platform/PlatformFalcoSilent.md", "$NODE", "$HOST", checks.pages),
    ("ids/IdsBurstInPod.md", 'port-forward "$INTAKE"', "port-forward deploy/threatboard", checks.pages),
    ("ids/IdsBurstInPod.md", "**The knob.**", "Knob:", checks.pages),
    ("ids/IdsBurstInPod.md", "overrides.IdsBurstInPod.threshold", "overrides.HostCpuSpike.threshold", checks.pages),
    ("ids/IdsBurstInPod.md", "IdsBurstInPod.threshold", "IdsBurstInPod.limit", checks.pages),
    ("ids/IdsCriticalAlert.md", "** `falco.tuning", "** `rules.overrides.IdsCriticalAlert.threshold", checks.pages),
    ("platform/PlatformSeriesOverflow.md", "knob.** `series.limit", "knob.** `rules.excluded", checks.pages),
    ("first-response.md", "`falco.tuning`", "`falco.tunings`", checks.pages),
    ("first-response.md", "$RECEIVER", "$EXPORTER", checks.pages),
)


@pytest.mark.parametrize(("file", "old", "new", "check"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_fault_is_seen(
    tmp_path: Path, file: str, old: str, new: str, check: Callable[[Tree], list[str]]
) -> None:
    root = tmp_path / "rules"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = root / "alerts" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert check(load(root))


def test_a_file_that_belongs_to_no_alert_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (root / "alerts" / "ids" / "Forgotten.md").write_text("# Forgotten\n", encoding="utf-8")
    (root / "alerts" / "ids" / "IdsBurstInPod.test.yaml").unlink()
    assert checks.triples(load(root)) == [
        "IdsBurstInPod: IdsBurstInPod.test.yaml is missing",
        "Forgotten.md belongs to no alert",
    ]


def test_a_group_of_recordings_that_is_too_long_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = root / "recording" / "thresholds.yaml"
    more = "".join(
        f"      - {{record: 'threat:threshold', labels: {{alertname: A{number}}}, expr: vector(1)}}\n"
        for number in range(9)
    )
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    rules:\n", "    rules:\n" + more, 1), encoding="utf-8")
    [found] = checks.groups(load(root))
    assert found.startswith("group threatboard-thresholds has 2")


def test_two_rules_with_one_expression_are_seen(tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    one, other = (root / "alerts" / "platform" / f"Platform{name}.yaml" for name in ("StateUnhealthy", "Watchdog"))
    text = one.read_text(encoding="utf-8")
    other.write_text(text.replace("PlatformStateUnhealthy", "PlatformWatchdog"), encoding="utf-8")
    assert checks.duplicates(load(root)) == ["PlatformStateUnhealthy and PlatformWatchdog have one expression"]


def test_the_page_about_rejections_names_every_reason() -> None:
    page = (ROOT / "alerts/platform/PlatformEventsRejected.md").read_text()
    assert [reason for reason in REJECT_REASONS if not re.search(rf"\b{reason}\b", page)] == []
