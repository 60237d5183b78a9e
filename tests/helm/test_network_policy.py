"""Only Falco, the WAF, Prometheus and the test pod are admitted, in both flavours, and the receiver calls nobody."""

from typing import Any

from tests.helm.chart import Object, objects, one

FALCO = {"app.kubernetes.io/name": "falco"}
SIDEKICK = {"app.kubernetes.io/name": "falcosidekick"}
NGINX = {"app.kubernetes.io/name": "ingress-nginx"}
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
TEST = {
    "app.kubernetes.io/name": "threatboard",
    "app.kubernetes.io/instance": "threatboard",
    "app.kubernetes.io/component": "test",
}
WAF = {"waf": [{"namespace": "ingress", "podLabels": NGINX}]}

Peers = set[tuple[str, frozenset[tuple[str, str]]]]


def policy(flavor: str, **values: Any) -> Object:
    """The policy with these values of `networkPolicy`."""
    kind = {"kubernetes": "NetworkPolicy", "cilium": "CiliumNetworkPolicy"}[flavor]
    return one({"networkPolicy": {"enabled": True, "flavor": flavor, **values}}, kind)


def kubernetes_peers(rule: Object) -> Peers:
    """Namespace and labels of those that a rule of a NetworkPolicy admits."""
    return {
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            frozenset(peer["podSelector"]["matchLabels"].items()),
        )
        for peer in rule["from"]
        if "ipBlock" not in peer
    }


def cilium_peers(rule: Object) -> Peers:
    """The same of a CiliumNetworkPolicy."""
    found = set()
    for endpoint in rule["fromEndpoints"]:
        labels = dict(endpoint["matchLabels"])
        namespace = labels.pop("k8s:io.kubernetes.pod.namespace")
        found.add((namespace, frozenset((name.removeprefix("k8s:"), value) for name, value in labels.items())))
    return found


def peers(*pairs: tuple[str, dict[str, str]]) -> Peers:
    return {(namespace, frozenset(labels.items())) for namespace, labels in pairs}


SENDERS = peers(("falco", FALCO), ("falco", SIDEKICK), ("ingress", NGINX), ("monitoring", TEST))
SCRAPERS = peers(("monitoring", PROMETHEUS), ("monitoring", TEST))


def test_kubernetes_admits_senders_to_the_intake_and_scrapers_to_the_metrics() -> None:
    intake, metrics = policy("kubernetes", **WAF)["spec"]["ingress"]
    assert (kubernetes_peers(intake), intake["ports"]) == (SENDERS, [{"port": "intake", "protocol": "TCP"}])
    assert (kubernetes_peers(metrics), metrics["ports"]) == (SCRAPERS, [{"port": "metrics", "protocol": "TCP"}])


def test_cilium_admits_the_same_and_the_probes_of_the_node() -> None:
    intake, metrics, probes = policy("cilium", **WAF)["spec"]["ingress"]
    assert (cilium_peers(intake), intake["toPorts"][0]["ports"][0]["port"]) == (SENDERS, "2801")
    assert (cilium_peers(metrics), metrics["toPorts"][0]["ports"][0]["port"]) == (SCRAPERS, "9376")
    assert (probes["fromEntities"], probes["toPorts"][0]["ports"][0]["port"]) == (["host"], "9376")


def test_addresses_outside_the_pod_network_can_be_admitted_to_the_intake_alone() -> None:
    intake, metrics = policy("kubernetes", intakeCIDRs=["10.1.0.0/16"])["spec"]["ingress"]
    assert intake["from"][-1] == {"ipBlock": {"cidr": "10.1.0.0/16"}}
    assert not [peer for peer in metrics["from"] if "ipBlock" in peer]
    rules = policy("cilium", intakeCIDRs=["10.1.0.0/16"])["spec"]["ingress"]
    assert [rule["toPorts"][0]["ports"][0]["port"] for rule in rules if rule.get("fromCIDR")] == ["2801"]


def test_the_receiver_may_call_nobody() -> None:
    spec = policy("kubernetes")["spec"]
    assert (spec["policyTypes"], spec["egress"]) == (["Ingress", "Egress"], [])
    assert policy("cilium")["spec"]["egress"] == [{}]


def test_lists_without_entries_admit_nobody_rather_than_everybody() -> None:
    """An ingress rule without peers admits every pod of every namespace."""
    none: dict[str, Any] = {"enabled": True, "falco": [], "prometheus": []}
    for flavor in ("kubernetes", "cilium"):
        values = {"networkPolicy": {**none, "flavor": flavor}, "test": {"enabled": False}}
        made = next(found for found in objects(values) if found["kind"].endswith("NetworkPolicy"))
        rules = made["spec"].get("ingress") or []
        assert [rule for rule in rules if "fromEntities" not in rule] == []


def test_the_policy_covers_the_receiver_and_not_the_test_pod() -> None:
    selected = policy("kubernetes")["spec"]["podSelector"]["matchLabels"]
    assert selected == {**TEST, "app.kubernetes.io/component": "receiver"}
    assert policy("cilium")["spec"]["endpointSelector"]["matchLabels"] == selected


def test_the_test_pod_is_admitted_only_if_there_is_one() -> None:
    values = {"networkPolicy": {"enabled": True}, "test": {"enabled": False}}
    intake, metrics = one(values, "NetworkPolicy")["spec"]["ingress"]
    assert not {peer for peer in kubernetes_peers(intake) | kubernetes_peers(metrics) if TEST.items() <= set(peer[1])}
