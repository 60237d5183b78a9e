"""Which pods network policy holds: one row a policy, and what becomes of the pods of a small cluster."""

from typing import Any

import pytest

from exporter.pollers.coverage.objects import Namespace, Pod
from exporter.pollers.coverage.policies import Policy, count
from tests.support.objects import meta, namespace, network_policy, pod

NAMESPACES = {
    one.name: one for one in (Namespace.read(namespace("shop", team="red")), Namespace.read(namespace("bank")))
}

WEB = pod("web", labels={"app": "web"})
API = pod("api", labels={"app": "api"})
LEDGER = pod("ledger", "bank", {"app": "ledger"})
PODS = [Pod.read(one) for one in (WEB, API, LEDGER)]

RULE: list[dict[str, Any]] = [{"ports": []}]
WEB_ONLY = {"matchLabels": {"app": "web"}}


def cilium(namespace: str = "shop", **spec: Any) -> Policy:
    return Policy.read_cilium({"metadata": meta("a", namespace), "spec": spec})


def admin(**spec: Any) -> Policy:
    return Policy.read_admin({"metadata": meta("a"), "spec": spec})


def kubernetes(**spec: Any) -> Policy:
    return Policy.read_kubernetes(network_policy("a", **spec))


def held(*policies: Policy, mode: str = "default", pods: list[Pod] = PODS) -> dict[str, str]:
    """(namespace and direction) -> enforced/open pods, such as {"shop in": "1/1"}."""
    found = count(pods, NAMESPACES, policies, mode)
    return {
        f"{name} {direction[:2]}": f"{found[name, direction, 'enforced']}/{found[name, direction, 'open']}"
        for name in NAMESPACES
        for direction in ("ingress", "egress")
    }


OPEN = {"shop in": "0/2", "shop eg": "0/2", "bank in": "0/1", "bank eg": "0/1"}

DENY = [{"action": "Allow"}, {"action": "Deny"}]
ALLOW = [{"action": "Allow"}, {"action": "Pass"}]
EVERYWHERE: dict[str, Any] = {"namespaces": {}}


@pytest.mark.parametrize(
    ("policy", "differs"),
    [
        # policyTypes: ingress always, egress where it has rules for it
        (kubernetes(), {"shop in": "2/0"}),
        (kubernetes(egress=RULE), {"shop in": "2/0", "shop eg": "2/0"}),
        (kubernetes(egress=[]), {"shop in": "2/0"}),
        (kubernetes(policyTypes=["Egress"]), {"shop eg": "2/0"}),
        (kubernetes(policyTypes=["Ingress"], egress=RULE), {"shop in": "2/0"}),
        (kubernetes(policyTypes=["Ingress", "Egress"]), {"shop in": "2/0", "shop eg": "2/0"}),
        (kubernetes(podSelector=WEB_ONLY), {"shop in": "1/1"}),
        (kubernetes(podSelector={"matchLabels": {"app": "ledger"}}), {}),
        (
            kubernetes(podSelector={"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
            {"shop in": "1/1"},
        ),
        # Cilium: what has rules for a direction holds in it, unless it says otherwise
        (cilium(endpointSelector={}, ingress=RULE), {"shop in": "2/0"}),
        (cilium(endpointSelector={}, ingress=[]), {}),
        (cilium(endpointSelector={}, ingressDeny=RULE), {"shop in": "2/0"}),
        (cilium(endpointSelector=WEB_ONLY, egress=RULE), {"shop eg": "1/1"}),
        (cilium(endpointSelector={}, ingress=RULE, enableDefaultDeny={"ingress": False}), {}),
        (cilium(endpointSelector={}, enableDefaultDeny={"egress": True}), {"shop eg": "2/0"}),
        (cilium(nodeSelector={}, ingress=RULE), {}),
        (cilium(endpointSelector={"matchLabels": {"k8s:io.kubernetes.pod.namespace": "bank"}}, ingress=RULE), {}),
        (
            Policy.read_cilium(
                {
                    "metadata": meta("a", "shop"),
                    "specs": [
                        {"endpointSelector": WEB_ONLY, "ingress": RULE},
                        {"endpointSelector": {"matchLabels": {"any:app": "api"}}, "egress": RULE},
                    ],
                }
            ),
            {"shop in": "1/1", "shop eg": "1/1"},
        ),
        # of the whole cluster
        (cilium("", endpointSelector={}, ingress=RULE), {"shop in": "2/0", "bank in": "1/0"}),
        (
            cilium("", endpointSelector={"matchLabels": {"k8s:io.kubernetes.pod.namespace": "bank"}}, ingress=RULE),
            {"bank in": "1/0"},
        ),
        (
            cilium("", endpointSelector={"matchLabels": {"io.cilium.k8s.namespace.labels.team": "red"}}, egress=RULE),
            {"shop eg": "2/0"},
        ),
        # the administrator's: those that deny something
        (admin(subject=EVERYWHERE, ingress=DENY), {"shop in": "2/0", "bank in": "1/0"}),
        (admin(subject=EVERYWHERE, ingress=ALLOW), {}),
        (admin(subject={"namespaces": {"matchLabels": {"team": "red"}}}, egress=DENY), {"shop eg": "2/0"}),
        (
            admin(subject={"pods": {"namespaceSelector": {}, "podSelector": WEB_ONLY}}, egress=DENY),
            {"shop eg": "1/1"},
        ),
        (admin(subject={}, ingress=DENY), {}),
    ],
)
def test_a_policy_holds_these_pods(policy: Policy, differs: dict[str, str]) -> None:
    assert held(policy) == OPEN | differs


def test_policies_of_all_kinds_add_up() -> None:
    policies = [
        kubernetes(podSelector=WEB_ONLY),
        cilium(endpointSelector={"matchLabels": {"app": "api"}}, ingress=RULE),
        cilium("", endpointSelector={}, egress=RULE),
    ]
    assert held(*policies) == {"shop in": "2/0", "shop eg": "2/0", "bank in": "0/1", "bank eg": "1/0"}


def test_ciliums_enforcement_mode_goes_over_all() -> None:
    assert held(mode="always") == {"shop in": "2/0", "shop eg": "2/0", "bank in": "1/0", "bank eg": "1/0"}
    assert held(kubernetes(), mode="never") == OPEN


def test_pods_of_the_host_network_stand_apart_and_ended_ones_do_not_count() -> None:
    pods = [
        Pod.read(pod("agent", hostNetwork=True)),
        Pod.read(pod("job", phase="Succeeded")),
        Pod.read(pod("crash", phase="Failed")),
        Pod.read(pod("starting", phase="Pending", ready=False)),
        Pod.read(pod("stray", "a-namespace-that-is-not-known-yet")),
    ]
    found = count(pods, NAMESPACES, [kubernetes()])
    assert {key: value for key, value in found.items() if value} == {
        ("shop", "ingress", "host_network"): 1,
        ("shop", "egress", "host_network"): 1,
        ("shop", "ingress", "enforced"): 1,
        ("shop", "egress", "open"): 1,
    }


def test_a_namespace_without_pods_is_zeros_and_not_a_gap() -> None:
    found = count([], NAMESPACES, [])
    assert len(found) == 2 * 2 * 3
    assert set(found.values()) == {0}
