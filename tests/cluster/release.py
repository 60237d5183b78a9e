"""The chart as Helm installs it into a cluster, and what the cluster's controllers make of it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python

from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.nodes import is_ready

NAMESPACE, RELEASE = "monitoring", "threatboard"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"


class Release:
    """One release, and how to look at its parts."""

    def __init__(self, plane: ControlPlane, chart: Path) -> None:
        self.helm = helm_python.Config(kubeconfig_path=plane.kubeconfig, namespace=NAMESPACE)
        self.api = plane.api
        self._chart = chart

    def install(self, values: dict[str, Any]) -> None:
        self.helm.install(self._chart, RELEASE, values, namespace=NAMESPACE)

    def upgrade(self, values: dict[str, Any]) -> None:
        self.helm.upgrade(self._chart, RELEASE, values, namespace=NAMESPACE)

    def uninstall(self) -> None:
        """Uninstalls, and waits until nothing is left."""
        self.helm.uninstall(RELEASE)
        wait_for(lambda: not self.left(), lambda: f"nothing of the release to be left: {self.left()}")

    def pods(self) -> dict[str, bool]:
        """Names of the receiver's pods, and whether each is ready."""
        found = self.api.items(CORE + "/pods", labelSelector="app.kubernetes.io/component=receiver")
        return {pod["metadata"]["name"]: is_ready(pod) for pod in found}

    def settled(self, count: int = 2) -> set[str]:
        """Waits until as many pods are there, all ready, and no others; their names."""
        wait_for(lambda: [*self.pods().values()] == [True] * count, f"{count} ready pods")
        return set(self.pods())

    def deployment(self) -> Object:
        """The specification of the Deployment."""
        found: Object = self.api.get(f"{APPS}/deployments/{RELEASE}")["spec"]
        return found

    def replica_sets(self) -> set[str]:
        """The names of the ReplicaSets that have pods."""
        found = self.api.items(APPS + "/replicasets")
        return {one["metadata"]["name"] for one in found if one["status"].get("replicas")}

    def config(self) -> str:
        """The exporter's configuration file."""
        data: str = self.api.get(f"{CORE}/configmaps/{RELEASE}")["data"]["threatboard.yaml"]
        return data

    def addresses(self, service: str) -> set[str]:
        """The names of the pods that a Service's Endpoints list as ready."""
        subsets = self.api.get(f"{CORE}/endpoints/{service}").get("subsets", [])
        return {address["targetRef"]["name"] for subset in subsets for address in subset.get("addresses", [])}

    def slices(self, service: str) -> dict[str, bool]:
        """The names of the pods in a Service's EndpointSlices, and whether each is listed as ready."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
        found = self.api.items(path, labelSelector=f"kubernetes.io/service-name={service}")
        return {
            endpoint["targetRef"]["name"]: endpoint["conditions"]["ready"]
            for one in found
            for endpoint in one["endpoints"] or []
        }

    def left(self) -> list[str]:
        """Every object of any kind and namespace that bears the release's name, or that Helm keeps of it."""
        names = (RELEASE, f"sh.helm.release.v1.{RELEASE}.")
        found = set()
        for kind, made in self.api.everything():
            metadata = made["metadata"]
            ours = metadata.get("labels", {}).get("app.kubernetes.io/instance") == RELEASE
            if kind != "Event" and (ours or metadata["name"].startswith(names)):
                found.add(f"{kind} {metadata.get('namespace')}/{metadata['name']}")
        return sorted(found)


def wait_for(condition: Callable[[], bool], what: str | Callable[[], str], seconds: float = 120) -> None:
    """Waits until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(0.1)
