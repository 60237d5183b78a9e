"""What the kubelet's cAdvisor and kube-state-metrics say of the demo's cluster, as Prometheus sees it.

Both exporters give their series the labels of the pod they speak of, so they are scraped with honor_labels.
"""

from collections.abc import Iterator

from demo.cluster import NODES, PODS, VICTIM, Node
from demo.series import Row, Target


def targets() -> tuple[Target, ...]:
    """One cAdvisor for each node, and kube-state-metrics."""
    found = [
        Target(
            f"/cadvisor/{node.name}",
            {"job": "kubelet", "instance": f"{node.address}:10250", "node": node.name},
            tuple(_cadvisor(node)),
            honor_labels=True,
        )
        for node in NODES
    ]
    labels = {"job": "kube-state-metrics", "instance": "10.0.1.8:8080"}
    return (*found, Target("/kube-state-metrics", labels, tuple(_objects()), honor_labels=True))


def _cadvisor(node: Node) -> Iterator[Row]:
    for pod in PODS:
        if pod.node != node.name:
            continue
        place = {"namespace": pod.namespace, "pod": pod.name}
        attacked = pod == VICTIM
        container = {**place, "container": pod.workload, "image": f"{pod.namespace}/{pod.workload}:2.7"}
        cores = 1.6 if attacked else 0.0
        yield Row("container_cpu_usage_seconds_total", container, pod.cores, cores, "cpu", "amount")
        network = {**place, "interface": "eth0"}
        out = 4e6 if attacked else 0.0
        yield Row("container_network_transmit_bytes_total", network, pod.bytes_out, out, "egress")
        yield Row("container_network_receive_bytes_total", network, 1.5 * pod.bytes_out, out / 40, "egress")


def _objects() -> Iterator[Row]:
    for node in NODES:
        labels = {"node": node.name, "internal_ip": node.address}
        yield Row("kube_node_info", labels, 1, kind="gauge", steady=True)
    for pod in PODS:
        place = {"namespace": pod.namespace, "pod": pod.name}
        owner = {**place, "owner_kind": pod.owner_kind, "owner_name": pod.owner, "owner_is_controller": "true"}
        yield Row("kube_pod_owner", owner, 1, kind="gauge", steady=True)
        info = {**place, "node": pod.node, "host_network": str(pod.host_network).lower()}
        yield Row("kube_pod_info", info, 1, kind="gauge", steady=True)
