"""Faults of Falco's configuration.

Source: falco.yaml of Falco 0.44 and its defaults. What command-line options of Falco's pods (`-o`) change is not seen.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.pollers.coverage.cluster import Cluster, Settings
from exporter.pollers.coverage.nodes import agents
from exporter.pollers.coverage.objects import DaemonSet

FILE = "falco.yaml"

HOSTNAME = "FALCO_HOSTNAME"

_REVISION = "controller-revision-hash"


def not_found(cluster: Cluster, settings: Settings) -> bool | None:
    """It is expected, and no DaemonSet is it."""
    return not _sets(cluster, settings) if "ids" in settings.expected else None


def http_output_off(cluster: Cluster, settings: Settings) -> bool | None:
    """It sends nothing; a program that it writes to may."""
    read = _read(cluster, settings)
    if read is None or _at(read, "program_output", "enabled") is True:
        return None
    return _at(read, "http_output", "enabled") is not True


def http_output_elsewhere(cluster: Cluster, settings: Settings) -> bool | None:
    """It sends to something that is neither the receiver nor a falcosidekick, which may pass it on."""
    read = _read(cluster, settings)
    if read is None or not settings.receiver or _at(read, "http_output", "enabled") is not True:
        return None
    try:
        host = urlsplit(str(_at(read, "http_output", "url"))).hostname or ""
    except ValueError:
        return True
    if "falcosidekick" in host:
        return None
    namespace, name = settings.receiver.split("/")
    here = {f"{name}.{namespace}", f"{name}.{namespace}.svc"}
    if settings.configmaps["falco"].startswith(f"{namespace}/"):
        here.add(name)
    return host not in here and not host.startswith(f"{name}.{namespace}.svc.")


def json_output_off(cluster: Cluster, settings: Settings) -> bool | None:
    """It writes text."""
    read = _read(cluster, settings)
    return None if read is None else _at(read, "json_output") is not True


def output_fields_off(cluster: Cluster, settings: Settings) -> bool | None:
    """Its JSON has no fields; by default it has."""
    read = _read(cluster, settings)
    return None if read is None else _at(read, "json_include_output_fields_property") is False


def tags_off(cluster: Cluster, settings: Settings) -> bool | None:
    """Its JSON has no tags; by default it has."""
    read = _read(cluster, settings)
    return None if read is None else _at(read, "json_include_tags_property") is False


def metrics_snapshots_off(cluster: Cluster, settings: Settings) -> bool | None:
    """It sends no metrics snapshots as alerts."""
    read = _read(cluster, settings)
    if read is None:
        return None
    return _at(read, "metrics", "enabled") is not True or _at(read, "metrics", "output_rule") is not True


def hostname_not_node(cluster: Cluster, settings: Settings) -> bool | None:
    """Its name is not its node's."""
    sets = _sets(cluster, settings)
    return any(HOSTNAME not in one.node_names for one in sets) if sets else None


def revisions_differ(cluster: Cluster, settings: Settings) -> bool | None:
    """A DaemonSet's pods are of several revisions."""
    sets = _sets(cluster, settings)
    running = [pod for pod in cluster.pods if not pod.finished]
    revisions = [{pod.labels.get(_REVISION, "") for pod in running if one.owns(pod)} for one in sets]
    return any(len(found) > 1 for found in revisions) if sets else None


def _sets(cluster: Cluster, settings: Settings) -> list[DaemonSet]:
    return agents(settings.agents["falco"], cluster.daemon_sets)


def _read(cluster: Cluster, settings: Settings) -> Mapping[str, Any] | None:
    found = cluster.config_map(settings.configmaps["falco"])
    return None if found is None else _parsed(found.data.get(FILE, ""))


@lru_cache(maxsize=2)
def _parsed(text: str) -> Mapping[str, Any] | None:
    """What the file says; None where it cannot be read, as Falco could not."""
    try:
        read = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, TypeError, AttributeError):  # as `!!int ""` does
        return None
    return read if isinstance(read, dict) else None


def _at(read: Mapping[str, Any], *path: str) -> object:
    found: object = read
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found
