"""Which nodes should run a control's agent, and which do, by the rules of the DaemonSet controller.

Source: "DaemonSet" of the Kubernetes documentation: the node selector and required node affinity of the pods, taints of
the effects NoSchedule and NoExecute, and the tolerations that the controller adds.
"""

from collections.abc import Iterable, Sequence

from exporter.pollers.coverage.objects import DaemonSet, Node, Pod, Taint
from exporter.pollers.coverage.selectors import Labels

_ADDED = (
    # With this effect the controller adds none of these, but leaves a pod that runs. That a node is ill is no reason
    # for its agent to be missing without a word.
    ("node.kubernetes.io/not-ready", "NoSchedule"),
    ("node.kubernetes.io/unreachable", "NoSchedule"),
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_ADDED_ON_HOST = ("node.kubernetes.io/network-unavailable", "NoSchedule")

_VIRTUAL = (
    ("type", "virtual-kubelet"),
    ("eks.amazonaws.com/compute-type", "fargate"),
)
"""Labels of nodes that are no machines."""
_VIRTUAL_TAINT = "virtual-kubelet.io/provider"


def agents(labels: str, sets: Iterable[DaemonSet]) -> list[DaemonSet]:
    """The DaemonSets that have these labels, such as "app.kubernetes.io/name=falco", or whose pods have."""
    wanted = dict(part.split("=", 1) for part in labels.split(","))
    return [one for one in sets if _has(one.labels, wanted) or _has(one.pod_labels, wanted)]


def states(sets: Sequence[DaemonSet], nodes: Iterable[Node], pods: Iterable[Pod]) -> dict[str, str]:
    """How each node stands to the agent that these run: name -> one of `catalog.watch.NODE_STATES`."""
    ready = {pod.node for pod in pods if pod.ready and any(one.owns(pod) for one in sets)}
    return {node.name: _state(node, sets, ready) for node in nodes}


def _has(labels: Labels, wanted: Labels) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def _state(node: Node, sets: Sequence[DaemonSet], ready: set[str]) -> str:
    if node.labels.get("kubernetes.io/os") == "windows":
        return "windows"
    if any(node.labels.get(key) == value for key, value in _VIRTUAL) or any(
        taint.key == _VIRTUAL_TAINT for taint in node.taints
    ):
        return "virtual"
    selecting = [one for one in sets if _selects(one, node)]
    if not selecting:
        return "unselected"
    if node.name in ready:
        return "ready"
    return "missing" if any(_tolerates(one, node) for one in selecting) else "tainted"


def _selects(one: DaemonSet, node: Node) -> bool:
    if not one.node_selector.selects(node.labels):
        return False
    return one.terms is None or any(term.fits(node) for term in one.terms)


def _tolerates(one: DaemonSet, node: Node) -> bool:
    return all(_tolerated(one, taint) for taint in node.taints if taint.effect in ("NoSchedule", "NoExecute"))


def _tolerated(one: DaemonSet, taint: Taint) -> bool:
    known = (taint.key, taint.effect)
    if known in _ADDED or (one.host_network and known == _ADDED_ON_HOST):
        return True
    return any(toleration.tolerates(taint) for toleration in one.tolerations)
