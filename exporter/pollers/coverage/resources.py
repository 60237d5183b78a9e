"""What is watched in the cluster: the one list that the chart's ClusterRole has to allow."""

from collections.abc import Mapping
from typing import Any

from exporter.pollers.coverage.monitoring import Monitored, Monitoring, RouteConfig
from exporter.pollers.coverage.objects import ConfigMap, DaemonSet, Hosts, Namespace, Node, Pod, Service
from exporter.pollers.coverage.policies import Policy
from exporter.pollers.coverage.reflector import Resource

_CORE = "/api/v1"
_APPS = "/apis/apps/v1"
_NETWORK = "/apis/networking.k8s.io/v1"
_GATEWAY = "/apis/gateway.networking.k8s.io/v1"
_CILIUM = "/apis/cilium.io/v2"
_ADMIN = "/apis/policy.networking.k8s.io/v1alpha1"
_OPERATOR = "/apis/monitoring.coreos.com"

RESOURCES: tuple[Resource[Any], ...] = (
    Resource("nodes", f"{_CORE}/nodes", Node.read),
    Resource("namespaces", f"{_CORE}/namespaces", Namespace.read),
    Resource("pods", f"{_CORE}/pods", Pod.read),
    Resource("services", f"{_CORE}/services", Service.read),
    Resource("daemonsets", f"{_APPS}/daemonsets", DaemonSet.read),
    Resource("networkpolicies", f"{_NETWORK}/networkpolicies", Policy.read_kubernetes),
    Resource("ciliumnetworkpolicies", f"{_CILIUM}/ciliumnetworkpolicies", Policy.read_cilium),
    Resource("ciliumclusterwidenetworkpolicies", f"{_CILIUM}/ciliumclusterwidenetworkpolicies", Policy.read_cilium),
    Resource("adminnetworkpolicies", f"{_ADMIN}/adminnetworkpolicies", Policy.read_admin),
    Resource("baselineadminnetworkpolicies", f"{_ADMIN}/baselineadminnetworkpolicies", Policy.read_admin),
    Resource("ingresses", f"{_NETWORK}/ingresses", Hosts.read_ingress),
    Resource("httproutes", f"{_GATEWAY}/httproutes", Hosts.read_route),
    Resource("prometheuses", f"{_OPERATOR}/v1/prometheuses", Monitoring.read_prometheus),
    Resource("alertmanagers", f"{_OPERATOR}/v1/alertmanagers", Monitoring.read_alertmanager),
    Resource("prometheusrules", f"{_OPERATOR}/v1/prometheusrules", Monitored.read),
    Resource("servicemonitors", f"{_OPERATOR}/v1/servicemonitors", Monitored.read),
    Resource("alertmanagerconfigs", f"{_OPERATOR}/v1alpha1/alertmanagerconfigs", RouteConfig.read),
)


def config_maps(places: Mapping[str, str]) -> list[Resource[Any]]:
    """The ConfigMaps at these places, "namespace/name" by agent; each is watched alone, as its Role allows no other."""
    found = []
    for agent, place in places.items():
        if place:
            namespace, name = place.split("/")
            path = f"{_CORE}/namespaces/{namespace}/configmaps"
            found.append(
                Resource(f"configmaps/{agent}", path, ConfigMap.read, {"fieldSelector": f"metadata.name={name}"})
            )
    return found
