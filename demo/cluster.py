"""The cluster of the demo: its nodes, and the workloads that run on them."""

from dataclasses import dataclass

CLUSTER = "demo"


@dataclass(frozen=True)
class Node:
    """A node; `share` is its part of the load, so that nodes differ as they do in life."""

    name: str
    address: str
    agent: str
    share: float


@dataclass(frozen=True)
class Pod:
    """A pod, with the object that owns it as Kubernetes names it (a ReplicaSet for a Deployment's pod)."""

    namespace: str
    workload: str
    name: str
    node: str
    owner_kind: str
    owner: str
    cores: float
    bytes_out: float
    host_network: bool = False


NODES = (
    Node("worker-1", "10.0.0.11", "cilium-7k2xq", 1.0),
    Node("worker-2", "10.0.0.12", "cilium-9hq2d", 1.4),
    Node("worker-3", "10.0.0.13", "cilium-q5m8t", 0.7),
)

PODS = (
    Pod("shop", "checkout", "checkout-6d5f7c9b8c-x2vqp", "worker-2", "ReplicaSet", "checkout-6d5f7c9b8c", 0.25, 60e3),
    Pod("shop", "catalog", "catalog-64f9b7d8c5-zv2hn", "worker-1", "ReplicaSet", "catalog-64f9b7d8c5", 0.18, 90e3),
    Pod("shop", "catalog", "catalog-64f9b7d8c5-p4wjd", "worker-3", "ReplicaSet", "catalog-64f9b7d8c5", 0.17, 85e3),
    Pod("payments", "ledger", "ledger-0", "worker-3", "StatefulSet", "ledger", 0.32, 40e3),
    Pod("build", "runner", "runner-7c9d8b6f5d-k4x2m", "worker-1", "ReplicaSet", "runner-7c9d8b6f5d", 0.60, 150e3),
    Pod("build", "runner", "runner-7c9d8b6f5d-w9j7p", "worker-3", "ReplicaSet", "runner-7c9d8b6f5d", 0.55, 140e3),
    Pod("backup", "nightly", "nightly-29384710-7dn5c", "worker-3", "Job", "nightly-29384710", 0.10, 20e3),
    Pod(
        "monitoring",
        "kube-state-metrics",
        "kube-state-metrics-5b8f7d6c9-tq8zl",
        "worker-2",
        "ReplicaSet",
        "kube-state-metrics-5b8f7d6c9",
        0.05,
        12e3,
    ),
    Pod(
        "kube-system", "coredns", "coredns-5d78c9869d-4bq2w", "worker-1", "ReplicaSet", "coredns-5d78c9869d", 0.06, 30e3
    ),
    *(
        Pod("kube-system", "cilium", node.agent, node.name, "DaemonSet", "cilium", 0.12 * node.share, 2e6, True)
        for node in NODES
    ),
)

VICTIM = PODS[0]
"""The pod that the story attacks."""
