"""From what is known of the cluster to what is shown of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.catalog.watch import AGENTS, DRILL_CONTROLS, FAULTS, NODE_STATES
from exporter.pollers.coverage import drills, faults, hosts, nodes, policies
from exporter.pollers.coverage.cluster import POLICIES, Cluster, Settings
from exporter.pollers.coverage.faults import cilium, waf

MAX_SERIES = 10_000
"""Most series of one metric: whoever may make namespaces and hosts does not decide over the size of the page."""

Values = dict[tuple[str, ...], float]
"""Label values in the catalog's order -> the value."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is shown until the next one; `values` by metric. The rest is for the status page."""

    values: Mapping[str, Values] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Key of `cluster.agents` -> nodes on which it should be ready and is not."""
    unserved: tuple[hosts.Served, ...] = ()
    """Hosts that `waf.hosts` lacks."""
    cut: tuple[str, ...] = ()
    """Metrics of which series were left out."""


def make(cluster: Cluster, settings: Settings, now: float) -> Snapshot:
    """Everything that can be said; a metric that cannot be relied on is left out whole."""
    values: dict[str, Values] = {}
    missing = _nodes(cluster, settings, values) if cluster.knows("nodes", "daemonsets", "pods") else {}
    if cluster.knows("namespaces", "pods", *POLICIES):
        known = {one.name: one for one in cluster.namespaces}
        counted = policies.count(cluster.pods, known, cluster.policies, cilium.mode(cluster, settings))
        values["threat_coverage_pods"] = {labels: float(count) for labels, count in counted.items()}
    served = []
    if cluster.knows("ingresses", "httproutes", "services", "pods"):
        served = hosts.served(cluster.all_hosts(), cluster.services, cluster.pods)
        values["threat_ingress_host_info"] = {
            (one.host, one.namespace, one.service, one.workload): 1.0 for one in served
        }
    found = faults.find(cluster, settings)
    values["threat_configuration_fault"] = {
        (FAULTS[reason].control, FAULTS[reason].component, reason): float(there) for reason, there in found.items()
    }
    if cluster.knows("pods"):
        _drills(cluster, settings, now, values)
    lacking = set(waf.missing(cluster, settings)) if "waf" in settings.expected else set()
    cut = tuple(name for name, series in values.items() if len(series) > MAX_SERIES)
    for name in cut:
        values[name] = dict(sorted(values[name].items())[:MAX_SERIES])
    return Snapshot(values, missing, tuple(one for one in served if one.host in lacking), cut)


def _nodes(cluster: Cluster, settings: Settings, values: dict[str, Values]) -> dict[str, tuple[str, ...]]:
    each, together, missing = Values(), Values(), {}
    for agent, control in AGENTS.items():
        sets = nodes.agents(settings.agents[agent], cluster.daemon_sets)
        if not sets:
            continue
        states = nodes.states(sets, cluster.nodes, cluster.pods)
        counted = Counter(states.values())
        together |= {(control, state): float(counted[state]) for state in NODE_STATES}
        shown = {name: state for name, state in states.items() if state in ("ready", "missing")}
        each |= {(control, name): float(state == "ready") for name, state in shown.items()}
        missing[agent] = tuple(sorted(name for name, state in shown.items() if state == "missing"))
    values["threat_coverage_node"], values["threat_coverage_nodes"] = each, together
    return missing


def _drills(cluster: Cluster, settings: Settings, now: float, values: dict[str, Values]) -> None:
    acts = drills.newest(cluster.pods, settings.drill_namespace, now)
    values["threat_drill_last_run_timestamp_seconds"] = {(one.control, one.hostname): one.at for one in acts}
    values["threat_drill_stopped"] = {
        (one.control, one.hostname): float(one.stopped)
        for one in acts
        if one.stopped is not None and one.control != DRILL_CONTROLS[0]
    }


SHOWN = (
    "threat_coverage_node",
    "threat_coverage_nodes",
    "threat_coverage_pods",
    "threat_ingress_host_info",
    "threat_configuration_fault",
    "threat_drill_last_run_timestamp_seconds",
    "threat_drill_stopped",
)
"""The metrics of a snapshot."""
