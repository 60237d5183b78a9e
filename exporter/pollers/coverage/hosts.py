"""Which workload serves a host: from its Ingress or HTTPRoute over the Service to the pods behind it."""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.pollers.coverage.objects import Host, Pod, Service
from exporter.pollers.coverage.selectors import Selector, selector


class Served(NamedTuple):
    """A host and what serves it; `workload` is empty where there is no pod, or there are several workloads."""

    host: str
    namespace: str
    service: str
    workload: str


def served(hosts: Iterable[Host], services: Iterable[Service], pods: Iterable[Pod]) -> list[Served]:
    """Each host with its Service and workload."""
    known = {(one.namespace, one.name): one for one in services}
    running: dict[str, list[Pod]] = {}
    for pod in pods:
        if not pod.finished:
            running.setdefault(pod.namespace, []).append(pod)
    found = []
    workloads: dict[tuple[str, str], str] = {}
    for host in hosts:
        at = (host.namespace, host.service)
        if at not in workloads:
            service = known.get(at)
            workloads[at] = _workload(service, running.get(host.namespace, ())) if service else ""
        found.append(Served(host.host, host.namespace, host.service, workloads[at]))
    return found


def _workload(service: Service, pods: Iterable[Pod]) -> str:
    if not service.selector:
        return ""
    wanted: Selector | None = selector({"matchLabels": service.selector})
    assert wanted is not None
    names = {workload_of(pod) for pod in pods if wanted.selects(pod.labels)}
    return names.pop() if len(names) == 1 else ""


def workload_of(pod: Pod) -> str:
    """The Deployment, StatefulSet, DaemonSet or Job of a pod; its own name where it has none."""
    if pod.owner is None:
        return pod.name
    if pod.owner.kind == "ReplicaSet":
        return pod.owner.name.removesuffix(f"-{pod.labels.get('pod-template-hash', '')}")
    return pod.owner.name
