"""What stands in for kubelets: nodes that are ready, and pods that run because their status says so."""

import itertools
import threading
from typing import Any, Self

import kubernetes
import urllib3

Object = dict[str, Any]


class Nodes:
    """Some nodes, and a thread that plays their kubelets while this is entered.

    A pod that is bound to a node becomes ready; one that is to be deleted stops being ready and stays, as during its
    grace period, until `end_terminating` lets it go. A pod that runs to its end (`restartPolicy: Never`) succeeds.
    """

    def __init__(self, client: kubernetes.client.ApiClient, count: int = 3) -> None:
        self._core = kubernetes.client.CoreV1Api(client)
        self._names = [f"node-{number}" for number in range(count)]
        self._addresses = itertools.count(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.end_terminating = True
        self.faults: list[Exception] = []

    def __enter__(self) -> Self:
        capacity = {"cpu": "8", "memory": "16Gi", "pods": "110"}
        for name in self._names:
            self._core.create_node({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}})
            ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
            status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
            self._core.patch_node(name, {"spec": {"taints": []}})
            self._core.patch_node_status(name, {"status": status})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _play(self) -> None:
        while not self._stop.wait(0.1):
            try:
                for pod in self._core.list_pod_for_all_namespaces().items:
                    self._attend(pod)
            except (kubernetes.client.ApiException, urllib3.exceptions.HTTPError) as fault:
                self.faults.append(fault)

    def _attend(self, pod: Any) -> None:
        name, namespace = pod.metadata.name, pod.metadata.namespace
        if not pod.spec.node_name:
            return
        if pod.metadata.deletion_timestamp:
            if self._is_ready(pod):
                self._set(pod, "Running", ready=False)
            elif self.end_terminating:
                self._core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)
        elif pod.spec.restart_policy == "Never":
            if pod.status.phase != "Succeeded":
                self._set(pod, "Succeeded", ready=False)
        elif not self._is_ready(pod):
            self._set(pod, "Running", ready=True)

    @staticmethod
    def _is_ready(pod: Any) -> bool:
        return any(found.type == "Ready" and found.status == "True" for found in pod.status.conditions or [])

    def _set(self, pod: Any, phase: str, *, ready: bool) -> None:
        state = "True" if ready else "False"
        conditions = [{"type": kind, "status": state} for kind in ("Ready", "ContainersReady")]
        status: Object = {"phase": phase, "conditions": conditions}
        if not pod.status.pod_ip:
            status["podIP"] = f"10.1.0.{next(self._addresses)}"
            status["podIPs"] = [{"ip": status["podIP"]}]
        self._core.patch_namespaced_pod_status(pod.metadata.name, pod.metadata.namespace, {"status": status})
