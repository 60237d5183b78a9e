"""Is everything set up as it has to be: one row for each thing, 1 where it is, 0 where it is not."""

from dataclasses import dataclass

from dashboards.queries import ALIVE, CLUSTER, EVALUATED, Query, select
from dashboards.queries.network import hubble_names_namespaces
from exporter.selectors import where


@dataclass(frozen=True)
class Check:
    """What has to be so, PromQL that is 1 or 0 (or nothing where it cannot be told), and what to do when it is 0."""

    what: str
    expr: str
    then: str


def _expected(component: str) -> str:
    return f"and on() max({where('threat_control_expected', cluster=CLUSTER, component=component)} == 1)"


def _refused() -> str:
    refused = where("threat_events_rejected_total", cluster=CLUSTER)
    return f"(sum(increase({refused}[1h]) > bool 0) == bool 0) and on() {ALIVE}"


def _snapshots() -> str:
    """Whether as many nodes send snapshots as are known."""
    snapshots = where("threat_falco_snapshot_timestamp_seconds", cluster=CLUSTER, source="syscall")
    ages = f"time() - max by (hostname) ({snapshots}) < 900"
    nodes = f"(count(group by (node) ({select('kube_node_info')})) or vector(1))"
    return f"((count({ages}) or vector(0)) >= bool on() {nodes}) {_expected('falco')}"


def _same_rule_files() -> str:
    files = select("falcosecurity_falco_sha256_rules_files_info")
    return f"max(count by (file_name) (group by (file_name, sha256) ({files}))) == bool 1"


def _loses_few() -> str:
    drops, seen = (select(f"hostname:threat_falco_syscall_{what}:max") for what in ("drops", "events"))
    return f"max(increase({drops}[15m]) / (increase({seen}[15m]) > 0)) < bool 0.01"


def _same_policies() -> str:
    """Whether all agents of a cluster have as many rules, for the ten minutes that a change may take."""
    loaded = select("cilium_policy")
    return f"min_over_time(max(max by (cluster) ({loaded}) - min by (cluster) ({loaded}))[10m:1m]) == bool 0"


CHECKS = (
    Check(
        "The exporter is scraped",
        f"(count({ALIVE}) > bool 0) or vector(0)",
        "Scrape port 9376 of threatboard: its ServiceMonitor or a scrape job",
    ),
    Check(
        "Rules are loaded",
        f"(count({EVALUATED}) > bool 0) or vector(0)",
        "Load rules/recording and rules/alerts: rules.enabled in the chart",
    ),
    Check("No event is refused (1 h)", _refused(), "Reasons: 'Events accepted and rejected', board ids"),
    Check("Falco's snapshots, all nodes", _snapshots(), "Falco: metrics.enabled, output_rule: true, interval: 5m"),
    Check("Falco loses < 1 % of calls", _loses_few(), "Raise buf_size_preset, drop noisy rules"),
    Check("Rule files are the same", _same_rule_files(), "Nodes with old rules: 'Versions of the rule files'"),
    Check(
        "Hubble names workloads", f"({hubble_names_namespaces().expr}) < 2", "labelsContext in hubble.metrics.enabled"
    ),
    Check("Policies are the same", _same_policies(), "'Policies per node' on the board of the network"),
)


def checks() -> Query:
    """Every check by name with what to do."""
    rows = [
        f'label_replace(label_replace({check.expr}, "check", "{check.what}", "", ""), "then", "{check.then}", "", "")'
        for check in CHECKS
    ]
    return Query(" or ".join(rows))
