"""What is known of the cluster at one moment, and what of it can be relied on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.pollers.coverage.monitoring import Monitored, Monitoring, RouteConfig
from exporter.pollers.coverage.objects import ConfigMap, DaemonSet, Host, Hosts, Namespace, Node, Pod, Service
from exporter.pollers.coverage.policies import Policy


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of the cluster.

    `agents` are labels by the keys of `catalog.watch.AGENTS`, `configmaps` are "namespace/name" by the same, `expected`
    the keys of `catalog.COMPONENTS` that are, `fits_host` whether `waf.hosts` knows a host.
    """

    agents: Mapping[str, str]
    configmaps: Mapping[str, str]
    receiver: str
    expected: frozenset[str]
    drill_namespace: str
    fits_host: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The objects by kind. `usable` are the resources that are known, or known to be absent."""

    usable: frozenset[str]
    nodes: Sequence[Node] = ()
    namespaces: Sequence[Namespace] = ()
    pods: Sequence[Pod] = ()
    services: Sequence[Service] = ()
    daemon_sets: Sequence[DaemonSet] = ()
    policies: Sequence[Policy] = ()
    hosts: Sequence[Hosts] = ()
    config_maps: Sequence[ConfigMap] = ()
    servers: Mapping[str, Sequence[Monitoring]] = field(default_factory=dict)
    """Prometheus and Alertmanager objects, by resource."""
    monitored: Mapping[str, Sequence[Monitored]] = field(default_factory=dict)
    """PrometheusRules and ServiceMonitors, by resource."""
    routes: Sequence[RouteConfig] = ()

    def knows(self, *resources: str) -> bool:
        """Whether all of these can be relied on."""
        return self.usable.issuperset(resources)

    def config_map(self, place: str) -> ConfigMap | None:
        """The ConfigMap at "namespace/name"."""
        return next((one for one in self.config_maps if f"{one.namespace}/{one.name}" == place), None)

    def all_hosts(self) -> Iterable[Host]:
        """Every host once, in order."""
        return sorted({host for one in self.hosts for host in one.hosts})


POLICIES = (
    "networkpolicies",
    "ciliumnetworkpolicies",
    "ciliumclusterwidenetworkpolicies",
    "adminnetworkpolicies",
    "baselineadminnetworkpolicies",
)
"""Resources that are policies."""


def assemble(usable: frozenset[str], get: Callable[..., list[Any]]) -> Cluster:
    """The cluster, of which `get` gives the objects of some resources together."""
    return Cluster(
        usable,
        nodes=get("nodes"),
        namespaces=get("namespaces"),
        pods=get("pods"),
        services=get("services"),
        daemon_sets=get("daemonsets"),
        policies=get(*POLICIES),
        hosts=get("ingresses", "httproutes"),
        config_maps=get("configmaps/falco", "configmaps/cilium"),
        servers={name: get(name) for name in ("prometheuses", "alertmanagers")},
        monitored={name: get(name) for name in ("prometheusrules", "servicemonitors")},
        routes=get("alertmanagerconfigs"),
    )
