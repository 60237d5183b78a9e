"""Faults of what Prometheus and Alertmanager take of ours, where the Prometheus Operator runs them.

The configuration of an Alertmanager is mostly in a Secret, which is never read: where a route may be there, nothing is
said.
"""

from collections.abc import Sequence

from exporter.pollers.coverage.cluster import Cluster, Settings
from exporter.pollers.coverage.monitoring import Monitored, RouteConfig, ours

SAMPLE = {"alertname": "DrillMissing", "severity": "critical", "control": "ids"}
"""An alert that must reach somebody."""


def rules_not_selected(cluster: Cluster, _settings: Settings) -> bool | None:
    """One of our PrometheusRules is selected by no Prometheus."""
    return _unselected(cluster, "prometheuses", "prometheusrules", ours(cluster.monitored["prometheusrules"]))


def monitor_not_selected(cluster: Cluster, _settings: Settings) -> bool | None:
    """One of our ServiceMonitors is selected by no Prometheus."""
    return _unselected(cluster, "prometheuses", "servicemonitors", ours(cluster.monitored["servicemonitors"]))


def route_not_selected(cluster: Cluster, _settings: Settings) -> bool | None:
    """Our AlertmanagerConfig is selected by no Alertmanager."""
    return _unselected(cluster, "alertmanagers", "alertmanagerconfigs", _our_routes(cluster))


def _unselected(
    cluster: Cluster, servers: str, resource: str, objects: Sequence[Monitored | RouteConfig]
) -> bool | None:
    running = cluster.servers[servers]
    if not running or not objects:
        return None
    namespaces = {one.name: one for one in cluster.namespaces}
    return any(not any(server.takes(resource, one, namespaces) for server in running) for one in objects)


def route_missing(cluster: Cluster, _settings: Settings) -> bool | None:
    """No route that is known leads our alerts to a receiver that sends them, and none can be hidden."""
    namespaces = {one.name: one for one in cluster.namespaces}
    running = cluster.servers["alertmanagers"]
    leads = False
    for server in running:
        for one in cluster.routes:
            whole = (one.namespace, one.name) == (server.namespace, server.global_config)
            if whole or server.takes("alertmanagerconfigs", one, namespaces):
                leads = leads or one.sends({**SAMPLE, "namespace": one.namespace})
    if leads:
        return False
    known = _our_routes(cluster) or all(server.global_config for server in running)
    return True if running and known else None


def _our_routes(cluster: Cluster) -> list[RouteConfig]:
    return [one for one in cluster.routes if one.labels.get("app.kubernetes.io/name") == "threatboard"]
