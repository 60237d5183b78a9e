"""What stands in for kubelets: nodes that are ready, and pods whose status says what a runtime says of them."""

import http.client
import itertools
import threading
import urllib.error
from typing import Protocol, Self

from tests.cluster.api import Api, Object

NAMES = ("node-0", "node-1", "node-2")
PLAYED = {"kubelet": "played"}
"""Their label, by which a test has its pods here and not on kwok's nodes."""


class Runtime(Protocol):
    """Runs the containers of pods that are bound to a node."""

    def ready(self, pod: Object) -> bool:
        """Whether the pod is ready now; the first call starts it."""

    def stop(self, pod: Object) -> None:
        """Asks the pod to stop; called again and again."""

    def ended(self, pod: Object) -> bool:
        """Whether a pod that was asked to stop has."""


class Pretence:
    """Runs nothing: a pod is ready until it is asked to stop, and has ended then, unless `hold` is set.

    While `starting` is set, a pod that was not ready yet does not become so.
    """

    def __init__(self) -> None:
        self.hold = False
        self.starting = False
        self._started: set[str] = set()

    def ready(self, pod: Object) -> bool:
        if not self.starting:
            self._started.add(pod["metadata"]["uid"])
        return "deletionTimestamp" not in pod["metadata"] and pod["metadata"]["uid"] in self._started

    def stop(self, pod: Object) -> None:
        """Nothing runs."""

    def ended(self, pod: Object) -> bool:  # noqa: ARG002
        return not self.hold


class Nodes:
    """Some nodes, and a thread that plays their kubelets with `runtime` while this is entered.

    A pod that runs to its end (`restartPolicy: Never`) succeeds without being run.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._addresses = itertools.count(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.runtime: Runtime = Pretence()
        self.faults: list[Exception] = []

    def __enter__(self) -> Self:
        capacity = {"cpu": "8", "memory": "16Gi", "pods": "110"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
        for name in NAMES:
            labels = {**PLAYED, "kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
            self._api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
            self._api.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
            self._api.merge(f"/api/v1/nodes/{name}/status", {"status": status})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _play(self) -> None:
        while not self._stop.wait(0.1):
            try:
                pods = self._api.items("/api/v1/pods")
            except (OSError, http.client.HTTPException):
                continue  # a busy machine's API server is late: a kubelet asks again
            for pod in pods:
                try:
                    self._attend(pod)
                except urllib.error.HTTPError as fault:
                    if fault.code not in (404, 409):  # it is gone, or somebody else was faster
                        self.faults.append(fault)
                except (OSError, http.client.HTTPException):
                    continue

    def _attend(self, pod: Object) -> None:
        if pod["spec"].get("nodeName") not in NAMES or pod["status"]["phase"] == "Succeeded":
            return
        if "podIP" not in pod["status"]:
            self._set(pod, "Running", ready=False)
            return
        if pod["spec"]["restartPolicy"] == "Never":
            self._set(pod, "Succeeded", ready=False)
            return
        terminating = "deletionTimestamp" in pod["metadata"]
        if terminating:
            self.runtime.stop(pod)
        if (ready := self.runtime.ready(pod)) != is_ready(pod):
            self._set(pod, "Running", ready=ready)
        elif terminating and self.runtime.ended(pod):
            self._api.delete(path(pod), gracePeriodSeconds=0)

    def _set(self, pod: Object, phase: str, *, ready: bool) -> None:
        state = "True" if ready else "False"
        conditions = [{"type": kind, "status": state} for kind in ("Ready", "ContainersReady")]
        status: Object = {"phase": phase, "conditions": conditions}
        if "podIP" not in pod["status"]:
            address = f"10.1.0.{next(self._addresses)}"
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        self._api.merge(path(pod) + "/status", {"status": status})


def path(pod: Object) -> str:
    """Where a pod is."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def is_ready(pod: Object) -> bool:
    """Whether a pod's status says that it is ready."""
    conditions = pod["status"].get("conditions", [])
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)
