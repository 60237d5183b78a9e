"""The faults that can be found in configurations: each a row, with what it needs to know.

A check says True where the fault is there, False where it is not, and None where that cannot be told: a control that
nobody expects, an object that is not there, a setting that says nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

from exporter.pollers.coverage.cluster import Cluster, Settings
from exporter.pollers.coverage.faults import cilium, falco, monitoring, waf

Find = Callable[[Cluster, Settings], bool | None]


class Check(NamedTuple):
    """How a fault is found, and the resources that must be known for it."""

    find: Find
    needs: tuple[str, ...]


_OPERATOR = ("namespaces", "prometheuses")
_ROUTES = ("namespaces", "alertmanagers", "alertmanagerconfigs")

CHECKS: dict[str, Check] = {
    "falco_not_found": Check(falco.not_found, ("daemonsets",)),
    "http_output_off": Check(falco.http_output_off, ("configmaps/falco",)),
    "http_output_elsewhere": Check(falco.http_output_elsewhere, ("configmaps/falco",)),
    "json_output_off": Check(falco.json_output_off, ("configmaps/falco",)),
    "output_fields_off": Check(falco.output_fields_off, ("configmaps/falco",)),
    "tags_off": Check(falco.tags_off, ("configmaps/falco",)),
    "metrics_snapshots_off": Check(falco.metrics_snapshots_off, ("configmaps/falco",)),
    "hostname_not_node": Check(falco.hostname_not_node, ("daemonsets",)),
    "falco_revisions_differ": Check(falco.revisions_differ, ("daemonsets", "pods")),
    "cilium_not_found": Check(cilium.not_found, ("daemonsets",)),
    "metrics_off": Check(cilium.metrics_off, ("configmaps/cilium",)),
    "policy_audit_mode": Check(cilium.policy_audit_mode, ("configmaps/cilium",)),
    "enforcement_never": Check(cilium.enforcement_never, ("configmaps/cilium",)),
    "hubble_off": Check(cilium.hubble_off, ("configmaps/cilium",)),
    "hubble_metrics_missing": Check(cilium.hubble_metrics_missing, ("configmaps/cilium",)),
    "hubble_labels_missing": Check(cilium.hubble_labels_missing, ("configmaps/cilium",)),
    "waf_hosts_missing": Check(waf.hosts_missing, ("ingresses", "httproutes")),
    "rules_not_selected": Check(monitoring.rules_not_selected, (*_OPERATOR, "prometheusrules")),
    "monitor_not_selected": Check(monitoring.monitor_not_selected, (*_OPERATOR, "servicemonitors")),
    "route_not_selected": Check(monitoring.route_not_selected, _ROUTES),
    "route_missing": Check(monitoring.route_missing, _ROUTES),
}


def find(cluster: Cluster, settings: Settings) -> dict[str, bool]:
    """Reason -> whether the fault is there, for all that can be told."""
    found = {}
    for reason, check in CHECKS.items():
        told = check.find(cluster, settings) if cluster.knows(*check.needs) else None
        if told is not None:
            found[reason] = told
    return found
