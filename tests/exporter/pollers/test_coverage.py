"""What of the cluster is relied on, and for how long."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.pollers import coverage as package
from exporter.pollers.coverage import STALE, Coverage, reflector, snapshot
from exporter.pollers.coverage.cluster import POLICIES
from exporter.pollers.coverage.resources import RESOURCES
from tests.exporter.pollers.fault_cases import SETTINGS
from tests.support.kube import Kube
from tests.support.objects import Raw, daemon_set, namespace, node, pod

OBJECTS: dict[str, list[Raw]] = {
    "nodes": [node("worker-1")],
    "namespaces": [namespace("shop")],
    "pods": [pod("web-0")],
    "daemonsets": [daemon_set("falco", "security", {"app.kubernetes.io/name": "falco"})],
}

NEEDS = {
    "threat_coverage_node": ("nodes", "daemonsets", "pods"),
    "threat_coverage_nodes": ("nodes", "daemonsets", "pods"),
    "threat_coverage_pods": ("namespaces", "pods", *POLICIES),
    "threat_ingress_host_info": ("ingresses", "httproutes", "services", "pods"),
    "threat_drill_last_run_timestamp_seconds": ("pods",),
    "threat_drill_stopped": ("pods",),
}
"""Metric -> what it cannot be without; faults have their own test."""


class Clock:
    """The time, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(reflector, "LONGEST_PAUSE", 0.2)


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    with Kube(tmp_path) as running:
        running.on("list", {"metadata": {"resourceVersion": "1"}, "items": []})
        for resource, objects in OBJECTS.items():
            running.on(f"list {resource}", {"metadata": {"resourceVersion": "1"}, "items": objects})
        running.on("watch", (b"", ...))
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def coverage(kube: Kube, clock: Clock) -> Iterator[Coverage]:
    running = Coverage(lambda: SETTINGS, kube.kubeconfig, clock)
    yield running
    running.stop()


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def states(coverage: Coverage) -> dict[str, str]:
    return {one.name: one.state for one in coverage.states()}


def test_nothing_is_said_before_anything_is_known(coverage: Coverage) -> None:
    coverage.poll()
    assert not coverage.success
    assert coverage.last_success is None
    assert coverage.snapshot.values == {"threat_configuration_fault": {}}


def test_every_metric_is_there_when_all_is_known(coverage: Coverage) -> None:
    coverage.start()
    wait_for(coverage.listed)
    coverage.poll()
    assert coverage.success
    assert coverage.last_success is not None
    assert set(coverage.snapshot.values) == {*NEEDS, "threat_configuration_fault"} == set(snapshot.SHOWN)


@pytest.mark.parametrize("resource", [one.name for one in RESOURCES])
def test_without_a_resource_only_what_needs_it_is_left_out(kube: Kube, coverage: Coverage, resource: str) -> None:
    kube.on(f"list {resource}", 403, {"message": "no"})
    coverage.start()
    wait_for(coverage.listed)
    coverage.poll()
    assert not coverage.success
    left = {name for name, needs in NEEDS.items() if resource not in needs}
    assert set(coverage.snapshot.values) == {*left, "threat_configuration_fault"}
    assert coverage.failures >= 1
    assert states(coverage)[resource] == "forbidden"


def test_a_resource_that_the_cluster_lacks_is_as_good_as_empty(kube: Kube, coverage: Coverage) -> None:
    kube.on("list ciliumnetworkpolicies", 404, {"message": "no such thing"})
    coverage.start()
    wait_for(coverage.listed)
    coverage.poll()
    assert coverage.success
    assert states(coverage)["ciliumnetworkpolicies"] == "absent"
    assert "threat_coverage_pods" in coverage.snapshot.values


def test_what_was_known_is_relied_on_for_a_while(kube: Kube, coverage: Coverage, clock: Clock) -> None:
    kube.on("watch nodes", 500, {"message": "ill"})
    coverage.start()
    wait_for(coverage.listed)
    wait_for(lambda: states(coverage)["nodes"] == "failing")
    coverage.poll()
    assert "threat_coverage_node" in coverage.snapshot.values
    assert not coverage.success
    clock.ahead += STALE - 60
    coverage.poll()
    assert "threat_coverage_node" in coverage.snapshot.values
    clock.ahead += 120
    coverage.poll()
    assert "threat_coverage_node" not in coverage.snapshot.values
    assert "threat_coverage_pods" in coverage.snapshot.values


def test_what_was_never_known_is_not_relied_on(kube: Kube, coverage: Coverage) -> None:
    kube.on("list nodes", 500, {"message": "ill"})
    coverage.start()
    wait_for(coverage.listed)
    coverage.poll()
    assert states(coverage)["nodes"] == "failing"
    assert "threat_coverage_node" not in coverage.snapshot.values


def test_the_page_has_a_bound(
    coverage: Coverage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(snapshot, "MAX_SERIES", 3)
    coverage.start()
    wait_for(coverage.listed)
    for _ in range(3):
        coverage.poll()
    pods = coverage.snapshot.values["threat_coverage_pods"]
    assert list(pods) == sorted(pods)
    assert len(pods) == 3
    told = [one.getMessage() for one in caplog.records if "more series" in one.getMessage()]
    assert len(told) == 1
    assert "threat_coverage_pods" in told[0]


def test_a_fault_of_ours_leaves_no_old_numbers(coverage: Coverage, monkeypatch: pytest.MonkeyPatch) -> None:
    coverage.start()
    wait_for(coverage.listed)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    outcomes = []
    for fault in (False, True, False):
        with monkeypatch.context() as patched:
            if fault:
                patched.setattr(package, "make", broken)
            coverage.poll()
        outcomes.append((coverage.success, bool(coverage.snapshot.values)))
    assert outcomes == [(True, True), (False, False), (True, True)]
