"""`threatboard watch` in the chart: the rights that it needs and no others, and its own configuration."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Config, load
from exporter.pollers.coverage.resources import RESOURCES, config_maps
from tests.helm.chart import Object, objects, one

ON: dict[str, Any] = {"watch": {"enabled": True}, "controls": {"network": True}}
SECURED: dict[str, Any] = {
    "intake": {"tls": {"enabled": True, "existingSecret": "in"}, "auth": {"existingSecret": "senders"}},
    "metrics": {"tls": {"enabled": True, "existingSecret": "out"}, "auth": {"existingSecret": "people"}},
}


def config(values: dict[str, Any], folder: Path) -> Config:
    """What watch would run with, without credentials, which are not on this machine."""
    written = yaml.safe_load(one(values, "ConfigMap", "threatboard-watch")["data"]["threatboard.yaml"])
    for part in ("tls", "auth"):
        written["metrics"].pop(part, None)
    file = folder / "threatboard.yaml"
    file.write_text(yaml.safe_dump(written))
    return load(file)


def granted(rules: list[Object]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of every right."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def group_of(path: str) -> str:
    """The API group of a collection's path, empty for the core."""
    return path.split("/")[2] if path.startswith("/apis/") else ""


def test_without_it_nothing_of_it_is_there() -> None:
    assert [made["kind"] for made in objects({}) if "watch" in made["metadata"]["name"]] == []


def test_its_cluster_role_allows_what_is_watched_and_nothing_else() -> None:
    wanted = {(group_of(kind.path), kind.name, verb) for kind in RESOURCES for verb in ("list", "watch")}
    role = one(ON, "ClusterRole")
    assert granted(role["rules"]) == wanted
    assert sum(len(rule["resources"]) for rule in role["rules"]) == len(RESOURCES)


def test_its_roles_allow_each_config_map_by_name_in_its_namespace(tmp_path: Path) -> None:
    agents: dict[str, str] = {"falco": "security/falco-custom", "cilium": "kube-system/cilium-config"}
    values = {**ON, "config": {"cluster": {"configmaps": {"falco": agents["falco"]}}}}
    roles = [made for made in objects(values) if made["kind"] == "Role"]
    assert {(role["metadata"]["namespace"], *role["rules"][0]["resourceNames"]) for role in roles} == {
        tuple(place.split("/")) for place in agents.values()
    }
    for role in roles:
        assert granted(role["rules"]) == {("", "configmaps", "list"), ("", "configmaps", "watch")}
        assert len(role["rules"]) == len(role["rules"][0]["resourceNames"]) == 1
    read = config(values, tmp_path).cluster.configmaps
    assert {"falco": read.falco, "cilium": read.cilium} == agents
    assert len(config_maps(agents)) == len(roles)


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({"controls": {"ids": False, "network": True}}, {"cilium"}),
        ({"controls": {"ids": True, "network": False}}, {"falco"}),
        ({"controls": {"ids": False}}, set()),
        ({"controls": {"network": True}, "config": {"cluster": {"configmaps": {"falco": ""}}}}, {"cilium"}),
    ],
)
def test_a_control_that_is_off_needs_no_namespace(values: dict[str, Any], left: set[str], tmp_path: Path) -> None:
    values = {**values, "watch": {"enabled": True}}
    roles = {made["metadata"]["name"].rpartition("-")[2] for made in objects(values) if made["kind"] == "Role"}
    assert roles == left
    read = config(values, tmp_path).cluster.configmaps
    assert {agent for agent in ("falco", "cilium") if getattr(read, agent)} == left


def test_every_binding_is_of_its_own_account() -> None:
    bindings = [made for made in objects(ON) if made["kind"].endswith("Binding")]
    assert len(bindings) == 3
    named = {(made["kind"], made["metadata"].get("namespace"), made["metadata"]["name"]) for made in objects(ON)}
    for made in bindings:
        (subject,) = made["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": "threatboard-watch", "namespace": "monitoring"}
        kind = made["roleRef"]["kind"]
        assert (kind, made["metadata"].get("namespace"), made["roleRef"]["name"]) in named
    assert ("ServiceAccount", "monitoring", "threatboard-watch") in named


def test_two_releases_of_one_name_share_no_right() -> None:
    names = [
        {
            made["metadata"]["name"]
            for made in objects(ON, namespace=namespace)
            if made["kind"].startswith("ClusterRole")
        }
        for namespace in ("one", "two")
    ]
    assert names[0] & names[1] == set()


def test_only_its_pod_has_a_token_and_it_has_no_secret_of_senders() -> None:
    pods = {
        made["metadata"]["name"]: made["spec"]["template"]["spec"]
        for made in objects({**ON, **SECURED})
        if made["kind"] == "Deployment"
    }
    assert {name: pod["automountServiceAccountToken"] for name, pod in pods.items()} == {
        "threatboard": False,
        "threatboard-watch": True,
    }
    secrets = {volume["secret"]["secretName"] for volume in pods["threatboard-watch"]["volumes"] if "secret" in volume}
    assert secrets == {"out", "people"}
    receiver = {volume["secret"]["secretName"] for volume in pods["threatboard"]["volumes"] if "secret" in volume}
    assert receiver == {"in", "senders", "out", "people"}


def test_every_file_that_its_configuration_names_is_mounted() -> None:
    values = {**ON, **SECURED}
    written = one(values, "ConfigMap", "threatboard-watch")["data"]["threatboard.yaml"]
    (container,) = one(values, "Deployment", "threatboard-watch")["spec"]["template"]["spec"]["containers"]
    mounts = tuple(f"{mount['mountPath']}/" for mount in container["volumeMounts"])
    named = [word for word in written.split() if word.startswith("/etc/")]
    assert len(named) == 3
    assert all(name.startswith(mounts) for name in named)
    assert container["args"] == ["watch", "--config", "/etc/threatboard/config/threatboard.yaml"]


def test_it_knows_the_cluster_as_the_values_have_it(tmp_path: Path) -> None:
    hosts = {"shop.example.com": {"namespace": "shop", "workload": "web"}}
    agents = {"falco": "app=falco"}
    given: dict[str, Any] = {"waf": {"hosts": hosts}, "cluster": {"interval": "1m", "agents": agents}}
    read = config({**ON, "config": given}, tmp_path)
    assert (read.cluster.enabled, read.cluster.interval, read.cluster.agents.falco) == (True, 60.0, "app=falco")
    assert read.cluster.receiver == "monitoring/threatboard"
    assert list(read.waf.hosts) == ["shop.example.com"]
    assert (read.controls.network, read.controls.waf) == (True, False)
    assert str(read.metrics.listen) == "[::]:9376"
    other = config({**ON, "config": {"cluster": {"receiver": "edge/relay"}}}, tmp_path)
    assert other.cluster.receiver == "edge/relay"


def test_only_what_cannot_change_live_replaces_its_pod() -> None:
    def template(cluster: dict[str, Any]) -> Object:
        found: Object = one({**ON, "config": {"cluster": cluster}}, "Deployment", "threatboard-watch")["spec"][
            "template"
        ]
        return found

    before = template({})
    for live in ({"interval": "1m"}, {"agents": {"falco": "a=b"}}, {"receiver": "a/b"}):
        assert template(live) == before
    assert template({"configmaps": {"falco": "a/b"}}) != before


def test_the_one_service_monitor_selects_it() -> None:
    values = {**ON, "serviceMonitor": {"enabled": True}}
    wanted = one(values, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    selected = {
        made["metadata"]["name"]
        for made in objects(values)
        if made["kind"] == "Service" and wanted <= made["metadata"]["labels"].items()
    }
    assert selected == {"threatboard-metrics", "threatboard-watch"}


def test_annotations_are_on_both_services() -> None:
    values = {**ON, "metrics": {"scrapeAnnotations": True, "service": {"annotations": {"a": "b"}}}}
    for name in ("threatboard-metrics", "threatboard-watch"):
        found = one(values, "Service", name)["metadata"]["annotations"]
        assert found == {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9376",
            "prometheus.io/path": "/metrics",
            "a": "b",
        }


@pytest.mark.parametrize("flavor", ["kubernetes", "cilium"])
def test_it_may_reach_the_api_server_and_be_scraped_and_nothing_else(flavor: str) -> None:
    values = {
        **ON,
        "networkPolicy": {"enabled": True, "flavor": flavor},
        "watch": {"enabled": True, "apiServerPorts": [6443]},
    }
    kind = "NetworkPolicy" if flavor == "kubernetes" else "CiliumNetworkPolicy"
    spec = one(values, kind, "threatboard-watch")["spec"]
    if flavor == "kubernetes":
        assert spec["egress"] == [{"ports": [{"port": 6443, "protocol": "TCP"}]}]
        (scrape,) = spec["ingress"]
        assert scrape["ports"] == [{"port": "metrics", "protocol": "TCP"}]
        assert scrape["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    else:
        assert spec["egress"] == [{"toEntities": ["kube-apiserver"]}]
        assert [*spec["ingress"][0]] == ["fromEndpoints", "toPorts"]
        assert spec["ingress"][1]["fromEntities"] == ["host"]
