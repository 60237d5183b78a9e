"""Faults of Cilium's configuration.

Source: the options of `cilium-agent`, which are the keys of the ConfigMap cilium-config; "Monitoring & metrics" of its
documentation for those of Hubble.
"""

from collections.abc import Mapping

from exporter.pollers.coverage.cluster import Cluster, Settings
from exporter.pollers.coverage.nodes import agents

COUNTED = ("drop", "policy", "dns")
"""Hubble's metrics that the rules and boards read."""

NAMED = frozenset(
    ("source_namespace", "source_workload", "destination_namespace", "destination_workload", "traffic_direction")
)
"""Labels that drops need."""


def not_found(cluster: Cluster, settings: Settings) -> bool | None:
    """It is expected, and no DaemonSet is it."""
    return not agents(settings.agents["cilium"], cluster.daemon_sets) if "network" in settings.expected else None


def metrics_off(cluster: Cluster, settings: Settings) -> bool | None:
    """The agent listens for no scrape."""
    read = _read(cluster, settings)
    return None if read is None else not read.get("prometheus-serve-addr")


def policy_audit_mode(cluster: Cluster, settings: Settings) -> bool | None:
    """What a policy denies is let through."""
    read = _read(cluster, settings)
    return None if read is None else _on(read, "policy-audit-mode")


def enforcement_never(cluster: Cluster, settings: Settings) -> bool | None:
    """Policies are not enforced."""
    read = _read(cluster, settings)
    return None if read is None else enforcement(read) == "never"


def hubble_off(cluster: Cluster, settings: Settings) -> bool | None:
    """It is expected and off."""
    read = _read(cluster, settings)
    return None if read is None or "hubble" not in settings.expected else not _on(read, "enable-hubble")


def hubble_metrics_missing(cluster: Cluster, settings: Settings) -> bool | None:
    """It does not count what is read."""
    counted = _counted(cluster, settings)
    return None if counted is None else any(name not in counted for name in COUNTED)


def hubble_labels_missing(cluster: Cluster, settings: Settings) -> bool | None:
    """Its drops say nothing of workloads."""
    counted = _counted(cluster, settings)
    if counted is None or "drop" not in counted:
        return None
    contexts = [part.partition("labelsContext=")[2] for part in counted["drop"].split(";")]
    return not NAMED.issubset(name for part in contexts for name in part.split(","))


def enforcement(read: Mapping[str, str]) -> str:
    """Cilium's policy enforcement: default, always or never."""
    return read.get("enable-policy", "default").lower()


def mode(cluster: Cluster, settings: Settings) -> str:
    """The same of the cluster; `default` where nothing else is known."""
    read = _read(cluster, settings)
    found = "default" if read is None else enforcement(read)
    return found if found in ("always", "never") else "default"


def _counted(cluster: Cluster, settings: Settings) -> dict[str, str] | None:
    """Hubble's metrics by name, with their options; None where they are not in this ConfigMap or Hubble is off."""
    read = _read(cluster, settings)
    if read is None or not _on(read, "enable-hubble") or "hubble-dynamic-metrics-config-path" in read:
        return None
    found = (entry.partition(":") for entry in read.get("hubble-metrics", "").replace("\n", " ").split())
    return {name.strip(): options for name, _, options in found}


def _read(cluster: Cluster, settings: Settings) -> Mapping[str, str] | None:
    found = cluster.config_map(settings.configmaps["cilium"])
    return None if found is None else found.data


def _on(read: Mapping[str, str], key: str) -> bool:
    return read.get(key, "").lower() == "true"
