"""Which nodes should run an agent and which do, row by row as the DaemonSet controller decides."""

from typing import Any

import pytest

from exporter.catalog.watch import NODE_STATES
from exporter.pollers.coverage.nodes import agents, states
from exporter.pollers.coverage.objects import DaemonSet, Node, Pod
from tests.support.objects import daemon_set, node, pod

FALCO = {"app.kubernetes.io/name": "falco"}
WANTED = "app.kubernetes.io/name=falco"


def taint(effect: str = "NoSchedule", key: str = "dedicated", value: str = "gpu") -> dict[str, str]:
    return {"key": key, "value": value, "effect": effect}


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [*terms]}}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": [*values]}


def state(made: dict[str, Any], running: bool = True, **spec: Any) -> str:
    sets = [DaemonSet.read(daemon_set("falco", "security", FALCO, **spec))]
    pods = [Pod.read(pod("falco-1", "security", owner=("DaemonSet", "falco"), node=made["metadata"]["name"]))]
    return states(sets, [Node.read(made)], pods if running else [])[made["metadata"]["name"]]


@pytest.mark.parametrize(
    ("made", "spec", "expected"),
    [
        (node("a"), {}, "missing"),
        (node("a"), {"nodeSelector": {"kubernetes.io/os": "linux"}}, "missing"),
        (node("a"), {"nodeSelector": {"disk": "ssd"}}, "unselected"),
        (node("a", {"kubernetes.io/os": "windows"}), {}, "windows"),
        (node("a", {"type": "virtual-kubelet"}), {}, "virtual"),
        (node("a", {"eks.amazonaws.com/compute-type": "fargate"}), {}, "virtual"),
        (node("a", None, taint(key="virtual-kubelet.io/provider")), {}, "virtual"),
        # taints
        (node("a", None, taint()), {}, "tainted"),
        (node("a", None, taint("NoExecute")), {}, "tainted"),
        (node("a", None, taint("PreferNoSchedule")), {}, "missing"),
        (node("a", None, taint()), {"tolerations": [{"operator": "Exists"}]}, "missing"),
        (node("a", None, taint()), {"tolerations": [{"key": "dedicated", "operator": "Exists"}]}, "missing"),
        (node("a", None, taint()), {"tolerations": [{"key": "dedicated", "value": "gpu"}]}, "missing"),
        (node("a", None, taint()), {"tolerations": [{"key": "dedicated", "value": "cpu"}]}, "tainted"),
        (node("a", None, taint()), {"tolerations": [{"key": "other", "operator": "Exists"}]}, "tainted"),
        (
            node("a", None, taint()),
            {"tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}]},
            "tainted",
        ),
        (
            node("a", None, taint(), taint("NoExecute", "second")),
            {"tolerations": [{"key": "dedicated", "operator": "Exists"}]},
            "tainted",
        ),
        # what the controller tolerates by itself
        *[
            (node("a", None, taint(effect, f"node.kubernetes.io/{key}")), {}, "missing")
            for key, effect in [
                ("not-ready", "NoExecute"),
                ("unreachable", "NoExecute"),
                ("disk-pressure", "NoSchedule"),
                ("memory-pressure", "NoSchedule"),
                ("pid-pressure", "NoSchedule"),
                ("unschedulable", "NoSchedule"),
            ]
        ],
        (node("a", None, taint("NoSchedule", "node.kubernetes.io/network-unavailable")), {}, "tainted"),
        (
            node("a", None, taint("NoSchedule", "node.kubernetes.io/network-unavailable")),
            {"hostNetwork": True},
            "missing",
        ),
        (node("a", None, taint("NoSchedule", "node.kubernetes.io/not-ready")), {}, "missing"),
        (node("a", None, taint("NoSchedule", "node.cloudprovider.kubernetes.io/uninitialized")), {}, "tainted"),
        # node affinity: one of the terms, all of its conditions; a term without any fits nothing
        (node("a"), {"affinity": affinity({"matchExpressions": [expression("disk", "Exists")]})}, "unselected"),
        (
            node("a", {"disk": "ssd"}),
            {"affinity": affinity({"matchExpressions": [expression("disk", "In", "ssd")]})},
            "missing",
        ),
        (
            node("a", {"disk": "ssd"}),
            {
                "affinity": affinity(
                    {"matchExpressions": [expression("disk", "In", "hdd")]},
                    {"matchFields": [expression("metadata.name", "In", "a")]},
                )
            },
            "missing",
        ),
        (
            node("b"),
            {"affinity": affinity({"matchFields": [expression("metadata.name", "In", "a")]})},
            "unselected",
        ),
        (node("a"), {"affinity": affinity({})}, "unselected"),
        (
            node("a", {"cores": "8"}),
            {"affinity": affinity({"matchExpressions": [expression("cores", "Gt", "7")]})},
            "missing",
        ),
        (
            node("a", {"disk": "ssd"}),
            {
                "nodeSelector": {"zone": "1"},
                "affinity": affinity({"matchExpressions": [expression("disk", "Exists")]}),
            },
            "unselected",
        ),
    ],
)
def test_a_node_without_the_agent(made: dict[str, Any], spec: dict[str, Any], expected: str) -> None:
    assert state(made, running=False, **spec) == expected
    assert expected in NODE_STATES
    if expected == "missing":
        assert state(made, **spec) == "ready"


@pytest.mark.parametrize(
    "other",
    [
        {"ready": False},
        {"owner": ("DaemonSet", "another")},
        {"owner": None},
        {"node": "elsewhere"},
    ],
)
def test_only_a_ready_pod_of_the_daemon_set_on_the_node_counts(other: dict[str, Any]) -> None:
    sets = [DaemonSet.read(daemon_set("falco", "security", FALCO))]
    about = {"owner": ("DaemonSet", "falco"), "node": "a"} | other
    assert states(sets, [Node.read(node("a"))], [Pod.read(pod("falco-1", "security", **about))]) == {"a": "missing"}


def test_a_pod_that_is_ending_does_not_count() -> None:
    ending = pod("falco-1", "security", owner=("DaemonSet", "falco"), node="a")
    ending["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z"
    sets = [DaemonSet.read(daemon_set("falco", "security", FALCO))]
    assert states(sets, [Node.read(node("a"))], [Pod.read(ending)]) == {"a": "missing"}


def test_several_daemon_sets_share_the_nodes() -> None:
    """One for each architecture, as some charts have it: a node is for the one that selects it."""
    sets = [
        DaemonSet.read(daemon_set(f"falco-{arch}", "security", FALCO, nodeSelector={"arch": arch}))
        for arch in ("arm", "x86")
    ]
    nodes = [Node.read(node(name, {"arch": name})) for name in ("arm", "x86", "s390")]
    pods = [Pod.read(pod("falco-1", "security", owner=("DaemonSet", "falco-arm"), node="arm"))]
    assert states(sets, nodes, pods) == {"arm": "ready", "x86": "missing", "s390": "unselected"}


def test_an_agent_is_known_by_all_its_labels_on_the_set_or_its_pods() -> None:
    sets = [
        DaemonSet.read(daemon_set("a", "security", FALCO | {"tier": "x"})),
        DaemonSet.read(daemon_set("b", "security", {"app": "other"})),
    ]
    inner = daemon_set("c", "security", FALCO)
    inner["metadata"]["labels"] = {}
    sets.append(DaemonSet.read(inner))
    assert [one.name for one in agents(WANTED, sets)] == ["a", "c"]
    assert [one.name for one in agents(f"{WANTED},tier=x", sets)] == ["a"]


def test_a_pod_of_another_namespace_that_names_the_daemon_set_as_its_owner_is_not_its_agent() -> None:
    sets = [DaemonSet.read(daemon_set("falco", "security", FALCO))]
    forged = Pod.read(pod("mine", "shop", owner=("DaemonSet", "falco"), node="a"))
    assert states(sets, [Node.read(node("a"))], [forged]) == {"a": "missing"}
