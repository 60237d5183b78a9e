"""Every example of the chart, unchanged, on a real control plane with both Helms: install to uninstall.

The namespace enforces the restricted Pod Security Standard; kwok plays the nodes.
"""

import subprocess
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.nodes import PLAYED, Nodes, Pretence
from tests.cluster.programs import built
from tests.cluster.release import CORE, NAMESPACE, RELEASE, Release, wait_for
from tests.helm.chart import CHART, EXAMPLES, example

Helm = Callable[..., str]

KWOK_NODES = 4


@pytest.fixture(scope="module")
def workers(plane: ControlPlane) -> list[str]:
    """Nodes that kwok plays."""
    names = plane.add_nodes(KWOK_NODES)
    wait_for(lambda: all(_is_ready(plane, name) for name in names), "kwok's nodes to be ready")
    return names


def _is_ready(plane: ControlPlane, name: str) -> bool:
    conditions = plane.api.get(f"/api/v1/nodes/{name}").get("status", {}).get("conditions", [])
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)


@pytest.fixture(params=["helm4", "helm3"])
def helm(request: pytest.FixtureRequest, plane: ControlPlane, workers: list[str]) -> Helm:
    """Runs a Helm of this generation; what it prints."""
    (program,) = built(request.param)

    def run(*arguments: str | Path) -> str:
        command = [program, "--kubeconfig", plane.kubeconfig, "--namespace", NAMESPACE, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_an_example_installs_upgrades_rolls_back_and_leaves_nothing(path: Path, helm: Helm, release: Release) -> None:
    wait = ["--wait", "--timeout", "4m"]
    printed = helm("install", RELEASE, CHART, "--values", path, *wait)
    assert "IS IT UP?" in printed
    ready = release.pods()
    assert ready
    assert all(ready.values())
    count, before = len(ready), release.config()
    helm("test", RELEASE, "--timeout", "2m")
    helm("upgrade", RELEASE, CHART, "--values", path, "--set", "config.events.log=false", *wait)
    assert release.config() != before
    assert len(release.settled(count)) == count
    helm("rollback", RELEASE, "1", *wait)
    assert release.config() == before
    helm("upgrade", RELEASE, CHART, "--reuse-values", *wait)
    assert release.config() == before
    helm("uninstall", RELEASE, "--wait", "--timeout", "4m")
    wait_for(lambda: not release.left(), lambda: f"nothing to be left: {release.left()}")


def test_lint_is_strict_with_every_example(helm: Helm) -> None:
    for path in EXAMPLES:
        assert "0 chart(s) failed" in helm("lint", "--strict", CHART, "--values", path)


def test_the_notes_can_be_read_before_anything_is_installed(helm: Helm, release: Release) -> None:
    printed = helm("install", RELEASE, CHART, "--dry-run=client", "--values", EXAMPLES[0])
    assert "FALCO sends its alerts with these values" in printed
    assert not release.left()


def test_the_standard_is_really_enforced(plane: ControlPlane, release: Release) -> None:
    container = {"name": "a", "image": "a", "securityContext": {"privileged": True}}
    with pytest.raises(urllib.error.HTTPError) as refused:
        plane.api.create(f"{CORE}/pods", {"metadata": {"name": "privileged"}, "spec": {"containers": [container]}})
    assert refused.value.code == 403


@pytest.fixture
def pretence(nodes: Nodes) -> Iterator[Pretence]:
    """What the played nodes run, for this test alone."""
    made = nodes.runtime = Pretence()
    yield made
    made.starting = False


def test_a_drain_waits_until_another_pod_is_ready(release: Release, pretence: Pretence) -> None:
    release.install({"receiver": {"nodeSelector": PLAYED}})
    first, second = sorted(release.settled())
    pretence.starting = True  # the successor takes its time
    release.api.evict(f"{CORE}/pods/{first}")
    wait_for(lambda: list(release.pods().values()).count(True) == 1, "the first pod to go")
    with pytest.raises(urllib.error.HTTPError) as refused:
        release.api.evict(f"{CORE}/pods/{second}")
    assert refused.value.code == 429  # what kubectl drain waits and tries again for
    pretence.starting = False
    wait_for(lambda: list(release.pods().values()).count(True) == 2, "its successor to be ready")
    release.api.evict(f"{CORE}/pods/{second}")
    wait_for(lambda: not {first, second} & release.settled(), "both to be replaced")


def test_a_node_can_be_drained(release: Release, workers: list[str]) -> None:
    path = next(path for path in EXAMPLES if path.name.startswith("production"))
    release.install({**example(path), "receiver": {"replicas": 3, "nodeSelector": {"kubelet": "simulated"}}})
    release.settled(3)
    pods = release.api.items(CORE + "/pods", labelSelector="app.kubernetes.io/component=receiver")
    node = pods[0]["spec"]["nodeName"]
    release.api.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
    try:
        for pod in (pod for pod in pods if pod["spec"]["nodeName"] == node):
            wait_for(lambda name=pod["metadata"]["name"]: _evicted(release, name), "the budget to allow it")  # type: ignore[misc]
        wait_for(lambda: node not in _nodes(release), "the node to be empty")
        assert len(release.settled(3)) == 3
    finally:
        release.api.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": False}})


def _evicted(release: Release, name: str) -> bool:
    try:
        release.api.evict(f"{CORE}/pods/{name}")
        return True
    except urllib.error.HTTPError as refused:
        if refused.code != 429:
            raise
        return False


def _nodes(release: Release) -> set[str]:
    pods = release.api.items(CORE + "/pods", labelSelector="app.kubernetes.io/component=receiver")
    return {pod["spec"].get("nodeName", "") for pod in pods}
