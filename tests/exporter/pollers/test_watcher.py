"""`threatboard watch` as a process, against kmock: its page, its status page, and how it begins and ends."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter import catalog
from exporter.catalog.watch import FAULTS, RESOURCE_STATES
from exporter.pollers.coverage.objects import DRILL
from exporter.pollers.coverage.resources import RESOURCES, config_maps
from tests.support.kube import Kube, settings
from tests.support.objects import (
    Raw,
    config_map,
    daemon_set,
    ingress,
    namespace,
    network_policy,
    node,
    pod,
    service,
)
from tests.support.watcher import KNOWN, Watcher, watcher

METRICS = {one.name: one for one in catalog.METRICS.values() if "watch" in one.roles and one not in catalog.kpi.METRICS}

FALCO = {"app.kubernetes.io/name": "falco"}


def drill(name: str) -> Raw:
    """The pod of a drill that ended a minute ago."""
    made = pod(name, "threatboard-drill", {DRILL: "true"}, phase="Succeeded")
    acts = f'{{"acts": [{{"control": "network", "at": {time.time() - 60}, "stopped": false}}]}}'
    made["status"]["containerStatuses"] = [{"state": {"terminated": {"message": acts}}}]
    return made


OBJECTS: dict[str, list[Raw]] = {
    "nodes": [node("worker-1"), node("worker-2")],
    "namespaces": [namespace("shop"), namespace("<script>alert(1)</script>")],
    "daemonsets": [daemon_set("falco", "security", FALCO)],
    "pods": [
        pod("falco-1", "security", owner=("DaemonSet", "falco")),
        pod("web-0", labels={"app": "web"}, owner=("StatefulSet", "web")),
        pod("odd", "<script>alert(1)</script>"),
        drill("drill-1"),
    ],
    "services": [service("web", app="web")],
    "networkpolicies": [network_policy("deny")],
    "ingresses": [ingress("web", "shop.example.com", "web")],
    "configmaps": [config_map("falco", "falco", {"falco.yaml": "json_output: false"})],
}

CONTROLS = {"ids": True, "network": True, "waf": True}


def answer(objects: list[Raw]) -> Raw:
    """A list."""
    return {"metadata": {"resourceVersion": "1"}, "items": objects}


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    """A cluster that has no custom resources."""
    with Kube(tmp_path) as running:
        running.on("list", 404, {"message": "no such resource"})
        for resource, objects in OBJECTS.items():
            running.on(f"list {resource}", answer(objects))
        running.on("watch", (b"", ...))
        yield running


@pytest.fixture
def running(kube: Kube, tmp_path: Path) -> Iterator[Watcher]:
    with watcher(tmp_path, **about(kube)) as started:
        started.wait_for_log(KNOWN)
        yield started


def about(kube: Kube) -> dict[str, Any]:
    return {"controls": CONTROLS, "cluster": {"kubeconfig": str(kube.kubeconfig), "interval": "1s"}}


def test_the_page_shows_what_the_catalog_says(running: Watcher) -> None:
    running.shows_only(METRICS)


def test_what_it_shows_is_what_is_there(running: Watcher) -> None:
    assert running.series("threat_coverage_node") == {
        (("control", "ids"), ("hostname", "worker-1")): 1,
        (("control", "ids"), ("hostname", "worker-2")): 0,
    }
    pods = running.series("threat_coverage_pods")
    assert pods[("direction", "ingress"), ("k8s_ns_name", "shop"), ("state", "enforced")] == 1
    assert pods[("direction", "egress"), ("k8s_ns_name", "shop"), ("state", "open")] == 1
    (host,) = running.series("threat_ingress_host_info")
    assert dict(host) == {
        "host": "shop.example.com",
        "k8s_ns_name": "shop",
        "k8s_svc_name": "web",
        "workload": "web",
    }
    faults = {dict(labels)["reason"] for labels, value in running.series("threat_configuration_fault").items() if value}
    assert {
        "json_output_off",
        "http_output_off",
        "hostname_not_node",
        "cilium_not_found",
        "waf_hosts_missing",
    } <= faults
    assert faults <= set(FAULTS)
    run = running.series("threat_drill_last_run_timestamp_seconds")
    assert [dict(labels) for labels in run] == [{"control": "network", "hostname": "worker-1"}]
    assert list(running.series("threat_drill_stopped").values()) == [0]


def test_each_resource_is_in_one_state(running: Watcher) -> None:
    states = running.series("threat_watch_resource")
    names = [one.name for one in (*RESOURCES, *config_maps({"falco": "a/b", "cilium": "a/b"}))]
    assert len(states) == len(names) * len(RESOURCE_STATES)
    assert sum(states.values()) == len(names)
    assert states[("resource", "nodes"), ("state", "synced")] == 1
    assert states[("resource", "httproutes"), ("state", "absent")] == 1
    assert running.series("threat_poll_success") == {(("poller", "coverage"),): 1}


def test_only_what_the_design_names_is_asked_for(running: Watcher, kube: Kube) -> None:
    """Reads alone, never of Secrets, and each in the way that a Role by name allows."""
    asked = kube.asked("get") + kube.asked("list") + kube.asked("watch")
    assert {one.method.value for one in asked} == {"GET"}
    paths = {one.url.path for one in asked}
    assert paths == {one.path for one in RESOURCES} | {
        "/api/v1/namespaces/falco/configmaps",
        "/api/v1/namespaces/kube-system/configmaps",
    }
    named = {one.params["fieldSelector"] for one in asked if "configmaps" in one.url.path}
    assert named == {"metadata.name=falco", "metadata.name=cilium-config"}


def test_the_status_page_says_what_is_missing_and_what_mends_it(running: Watcher) -> None:
    status, page = running.get("/")
    assert status == 200
    assert "worker-2" in page
    assert FAULTS["json_output_off"].mend in page
    assert "waf:\n  hosts:\n    shop.example.com: {namespace: shop, workload: web}</pre>" in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert running.get("/", {"X-Forwarded-For": "192.0.2.7"})[0] == 403
    assert running.get("/?x=y")[0] == 400
    assert running.get("/api/v1/events")[0] == 404


def test_rights_that_are_missing_are_told_and_the_rest_works(kube: Kube, tmp_path: Path) -> None:
    kube.on("list services", 403, {"message": 'services is forbidden: User "watch" cannot list'})
    with watcher(tmp_path, **about(kube)) as started:
        started.wait_for_log("the cluster is not known whole")
        assert started.series("threat_watch_resource")[("resource", "services"), ("state", "forbidden")] == 1
        assert started.series("threat_poll_success") == {(("poller", "coverage"),): 0}
        assert next(iter(started.series("threat_poll_failures_total").values())) >= 1
        assert started.series("threat_ingress_host_info") == {}
        assert len(started.series("threat_coverage_node")) == 2
        assert "services may not be read" in started.get("/")[1]
        kube.on("list services", answer(OBJECTS["services"]))
        started.wait_for_log("services: 1 are known")


def test_without_an_api_server_it_says_so_and_shows_no_numbers(tmp_path: Path) -> None:
    nowhere = tmp_path / "kubeconfig.yaml"
    nowhere.write_text(settings("http://127.0.0.1:9"))
    with watcher(tmp_path, cluster={"kubeconfig": str(nowhere), "interval": "1s"}) as started:
        started.wait_for_log("nodes: failing: no answer")
        deadline = time.monotonic() + 20
        while started.get("/readyz")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert started.series("threat_coverage_pods") == {}
        assert started.series("threat_poll_success") == {(("poller", "coverage"),): 0}
        assert started.series("threat_poll_last_success_timestamp_seconds") == {}
        assert "No data yet." in started.get("/")[1]
        assert started.stop() == 0


def test_a_change_of_settings_is_taken_while_it_runs(running: Watcher, kube: Kube) -> None:
    changed = about(kube) | {"waf": {"hosts": {"*.example.com": {"namespace": "shop", "workload": "web"}}}}
    changed["cluster"]["agents"] = {"falco": "app=other"}
    running.configure(**changed)
    running.wait_for_log("configuration: taken into use")
    deadline = time.monotonic() + 20
    key = (("component", "waf"), ("control", "waf"), ("reason", "waf_hosts_missing"))
    while running.series("threat_configuration_fault")[key]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert running.series("threat_coverage_node") == {}


def test_it_ends_at_once_though_watches_are_open(running: Watcher) -> None:
    begun = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - begun < 5
    assert "Traceback" not in running.log.read_text()


def test_switched_off_it_watches_nothing(tmp_path: Path) -> None:
    with watcher(tmp_path, cluster={"enabled": False}) as started:
        started.wait_for_log("nothing is watched")
        assert started.get("/readyz")[0] == 200
        assert "threat_watch_info" in started.get("/metrics")[1]
        assert "nothing is watched" in started.get("/")[1]


def test_the_token_is_nowhere(running: Watcher) -> None:
    for text in (running.log.read_text(), running.get("/")[1], running.get("/metrics")[1]):
        assert "a-token" not in text
