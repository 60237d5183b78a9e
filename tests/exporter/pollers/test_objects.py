"""What is kept of objects: of every kind, and of whatever else comes in their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.pollers.coverage.cluster import Cluster, Settings, assemble
from exporter.pollers.coverage.hosts import served, workload_of
from exporter.pollers.coverage.monitoring import Matcher
from exporter.pollers.coverage.objects import Host, Hosts, Pod, Service
from exporter.pollers.coverage.reflector import Resource
from exporter.pollers.coverage.resources import RESOURCES, config_maps
from exporter.pollers.coverage.snapshot import make
from tests.support.objects import (
    config_map,
    daemon_set,
    ingress,
    meta,
    namespace,
    network_policy,
    node,
    pod,
    service,
)

ALL = (*RESOURCES, *config_maps({"falco": "security/falco"}))

SELECTOR = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}

TERMS = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}]}

GOOD: dict[str, Any] = {
    "nodes": node("a", {"x": "y"}, {"key": "a", "effect": "NoSchedule"}),
    "namespaces": namespace("shop"),
    "pods": pod("a", labels={"threatboard/drill": "true"}, owner=("ReplicaSet", "a-1")),
    "services": service("a", app="a"),
    "daemonsets": daemon_set(
        "a",
        "shop",
        {"a": "b"},
        nodeSelector={"a": "b"},
        tolerations=[{"key": "a", "operator": "Exists"}],
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": TERMS}},
    ),
    "networkpolicies": network_policy("a", podSelector=SELECTOR, policyTypes=["Ingress"], egress=[{}]),
    "ciliumnetworkpolicies": {
        "metadata": meta("a", "shop"),
        "specs": [{"endpointSelector": SELECTOR, "ingress": [{}], "enableDefaultDeny": {"egress": True}}],
    },
    "ciliumclusterwidenetworkpolicies": {"metadata": meta("a"), "spec": {"endpointSelector": SELECTOR}},
    "adminnetworkpolicies": {
        "metadata": meta("a"),
        "spec": {
            "subject": {"pods": {"namespaceSelector": SELECTOR, "podSelector": {}}},
            "egress": [{"action": "Deny"}],
        },
    },
    "baselineadminnetworkpolicies": {"metadata": meta("default"), "spec": {"subject": {"namespaces": {}}}},
    "ingresses": ingress("a", "shop.example.com", "web"),
    "httproutes": {
        "metadata": meta("a", "shop"),
        "spec": {"hostnames": ["shop.example.com"], "rules": [{"backendRefs": [{"name": "web"}]}]},
    },
    "prometheuses": {"metadata": meta("a", "shop"), "spec": {"ruleSelector": SELECTOR, "serviceMonitorSelector": {}}},
    "alertmanagers": {"metadata": meta("a", "shop"), "spec": {"alertmanagerConfigSelector": SELECTOR}},
    "prometheusrules": {"metadata": meta("a", "shop", {"a": "b"}), "spec": {}},
    "servicemonitors": {"metadata": meta("a", "shop", {"a": "b"}), "spec": {}},
    "alertmanagerconfigs": {
        "metadata": meta("a", "shop"),
        "spec": {
            "route": {
                "receiver": "x",
                "matchers": [{"name": "a", "value": "b", "matchType": "=~"}],
                "routes": [{"receiver": "y"}],
            },
            "receivers": [{"name": "x", "slackConfigs": [{}]}],
        },
    },
    "configmaps/falco": config_map("falco", "security", {"falco.yaml": "json_output: true"}),
}


def test_there_is_an_object_of_every_resource() -> None:
    assert set(GOOD) == {one.name for one in ALL}


@pytest.mark.parametrize("resource", ALL, ids=lambda one: one.name)
def test_what_kubernetes_gives_is_read_and_may_be_kept(resource: Resource[Any]) -> None:
    kept = resource.read(GOOD[resource.name])
    assert kept == resource.read(GOOD[resource.name])
    assert not any(isinstance(part, list) for part in kept), "what is kept is not changed"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


def places(made: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an object."""
    inner = made.items() if isinstance(made, dict) else enumerate(made) if isinstance(made, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def put(made: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = made.copy()
    copy[path[0]] = put(made[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("resource", ALL, ids=lambda one: one.name)
def test_anything_in_any_place_is_refused_or_can_be_judged(resource: Resource[Any]) -> None:
    """Objects of custom kinds are checked by definitions that anybody may have changed."""
    good = GOOD[resource.name]

    @given(place=st.sampled_from(places(good)), value=ANYTHING)
    def check(place: tuple[Any, ...], value: Any) -> None:
        try:
            kept = resource.read(put(good, place, value))
        except (KeyError, TypeError, ValueError, AttributeError):
            return  # what the reflector tells and leaves out
        make(cluster(**KEPT | {resource.name: kept}), SETTINGS, 0.0)

    check()


KEPT = {one.name: one.read(GOOD[one.name]) for one in ALL}

SETTINGS = Settings(
    agents={"falco": "a=b", "cilium": "a=b"},
    configmaps={"falco": "security/falco", "cilium": ""},
    receiver="shop/threatboard",
    expected=frozenset({"ids", "network", "hubble", "waf"}),
    drill_namespace="shop",
    fits_host=lambda _: False,
)


def cluster(**kept: Any) -> Cluster:
    """A cluster with one object of each resource."""
    return assemble(frozenset(kept), lambda *names: [kept[name] for name in names if name in kept])


def test_hosts_of_ingresses_and_routes() -> None:
    many = ingress("a", "Shop.Example.com", "web")
    many["spec"]["rules"] += [
        {"host": "shop.example.com"},
        *ingress("b", None, "api")["spec"]["rules"],
        {"host": "files.example.com", "http": {"paths": [{"backend": {"resource": {"kind": "Bucket"}}}]}},
    ]
    many["spec"]["defaultBackend"] = {"service": {"name": "rest"}}
    assert Hosts.read_ingress(many).hosts == (
        Host("shop.example.com", "shop", "web"),
        Host("*", "shop", "api"),
        Host("*", "shop", "rest"),
    )
    route = {
        "metadata": meta("a", "shop"),
        "spec": {
            "hostnames": ["a.example.com", "*.b.example.com"],
            "rules": [
                {"backendRefs": [{"name": "web"}, {"name": "far", "namespace": "bank"}]},
                {"backendRefs": [{"name": "x", "kind": "Bucket", "group": "storage"}, {"name": "web"}]},
                {},
            ],
        },
    }
    assert Hosts.read_route(route).hosts == (
        Host("a.example.com", "shop", "web"),
        Host("*.b.example.com", "shop", "web"),
        Host("a.example.com", "bank", "far"),
        Host("*.b.example.com", "bank", "far"),
    )
    assert Hosts.read_route({"metadata": meta("a", "shop"), "spec": {"rules": route["spec"]["rules"][:1]}}).hosts == (
        Host("*", "shop", "web"),
        Host("*", "bank", "far"),
    )


def test_a_host_is_served_by_the_workload_behind_its_service() -> None:
    services = [
        Service.read(service("web", app="web")),
        Service.read(service("both", tier="front")),
        Service.read(service("none")),
    ]
    of_web, of_api = ("ReplicaSet", "web-5d4f"), ("StatefulSet", "api")
    pods = [
        Pod.read(pod("web-5d4f-x", labels={"app": "web", "tier": "front", "pod-template-hash": "5d4f"}, owner=of_web)),
        Pod.read(pod("web-5d4f-y", labels={"app": "web", "tier": "front", "pod-template-hash": "5d4f"}, owner=of_web)),
        Pod.read(pod("api-0", labels={"tier": "front"}, owner=of_api)),
        Pod.read(pod("old", labels={"app": "web"}, phase="Failed", owner=("Job", "old"))),
        Pod.read(pod("other", "bank", labels={"app": "web"}, owner=("Job", "other"))),
    ]
    hosts = [Host(name, "shop", name) for name in ("web", "both", "none", "gone")]
    assert [one.workload for one in served(hosts, services, pods)] == ["web", "", "", ""]


@pytest.mark.parametrize(
    ("made", "workload"),
    [
        (pod("alone"), "alone"),
        (pod("a-0", owner=("StatefulSet", "a")), "a"),
        (pod("a-1-x", labels={"pod-template-hash": "1"}, owner=("ReplicaSet", "a-1")), "a"),
        (pod("a-1-x", owner=("ReplicaSet", "a-1")), "a-1"),
        (pod("a-28000000-x", owner=("Job", "a-28000000")), "a-28000000"),
    ],
)
def test_the_workload_of_a_pod(made: dict[str, Any], workload: str) -> None:
    assert workload_of(Pod.read(made)) == workload


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)(a|a)(a|a)(a|a)", ".*.*.*.*b", "(" * 9000])
def test_a_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        Matcher.read({"name": "namespace", "value": pattern, "matchType": "=~"})


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [("crit.*", True), ("(critical|warning)", True), (".*(warning|none).*", False), ("c{99999999999}", False)],
)
def test_an_ordinary_pattern_is_judged(pattern: str, holds: bool) -> None:
    matcher = Matcher.read({"name": "severity", "value": pattern, "matchType": "=~"})
    assert matcher.holds({"severity": "critical"}) == holds
