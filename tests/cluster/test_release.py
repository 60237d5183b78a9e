"""The chart against a real Kubernetes API server and its controllers: install, upgrade, rollback, uninstall.

The server is 1.20, older than what the chart is for, so a copy of the chart is installed: without kubeVersion, without
internalTrafficPolicy (a field of 1.21), and with the PodDisruptionBudget off (policy/v1 is of 1.21). DaemonSets are not
installed here (maxSurge is of 1.21). All else is as shipped. Custom resources are taken by definitions that check nothing.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import helm_python
import kubernetes
import pytest
import yaml

from tests.cluster.control_plane import PROGRAMS, ControlPlane
from tests.cluster.nodes import Nodes
from tests.helm.chart import CHART

NAMESPACE, RELEASE = "monitoring", "threatboard"

CUSTOM = {
    "monitoring.coreos.com": {
        "v1": ("ServiceMonitor", "PrometheusRule"),
        "v1alpha1": ("AlertmanagerConfig",),
    },
    "cilium.io": {"v2": ("CiliumNetworkPolicy",)},
    "cert-manager.io": {"v1": ("Certificate",)},
}

EVERYTHING: dict[str, Any] = {
    "controls": {"network": True, "hubble": True, "waf": True},
    "receiver": {"pdb": {"enabled": False}},
    "serviceMonitor": {"enabled": True},
    "rules": {"enabled": True},
    "alertmanagerConfig": {"enabled": True, "namespaces": ["shop", "payments"], "slack": {"existingSecret": "slack"}},
    "networkPolicy": {"enabled": True},
    "certManager": {"enabled": True, "issuerRef": {"name": "ca"}},
    "metrics": {"tls": {"enabled": True}},
}
PLAIN: dict[str, Any] = {"receiver": {"pdb": {"enabled": False}}}


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane."""
    if not (PROGRAMS / "kube-apiserver").exists() or shutil.which("etcd") is None:
        reason = f"there is no kube-apiserver in {PROGRAMS}, or no etcd: `make test-cluster` gets them"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="session")
def client(plane: ControlPlane) -> Iterator[kubernetes.client.ApiClient]:
    """A client of it; the definitions of custom resources and the namespaces are there."""
    with kubernetes.config.new_client_from_config(str(plane.kubeconfig)) as made:
        definitions = kubernetes.client.ApiextensionsV1Api(made)
        for group, versions in CUSTOM.items():
            for version, kinds in versions.items():
                for kind in kinds:
                    definitions.create_custom_resource_definition(definition(group, version, kind))
        for name in (NAMESPACE, "shop", "payments"):
            kubernetes.client.CoreV1Api(made).create_namespace({"metadata": {"name": name}})
        yield made


def plural(kind: str) -> str:
    return kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")


def definition(group: str, version: str, kind: str) -> dict[str, Any]:
    """A custom resource definition that takes any content."""
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind, "plural": plural(kind), "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural(kind)}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": version, "served": True, "storage": True, "schema": anything}],
        },
    }


@pytest.fixture(scope="session")
def nodes(client: kubernetes.client.ApiClient) -> Iterator[Nodes]:
    """Three nodes."""
    with Nodes(client) as made:
        yield made


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy of the chart that a server of 1.20 takes."""
    copy = tmp_path_factory.mktemp("chart") / "threatboard"
    shutil.copytree(CHART, copy)
    about = yaml.safe_load((copy / "Chart.yaml").read_text())
    del about["kubeVersion"]
    (copy / "Chart.yaml").write_text(yaml.safe_dump(about))
    services = copy / "templates/receiver/services.yaml"
    lines = services.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "internalTrafficPolicy" not in line]
    assert len(kept) == len(lines) - 1
    services.write_text("".join(kept))
    return copy


class Release:
    """Helm and what it installed; uninstalled at the end of a test, whatever happened."""

    def __init__(self, plane: ControlPlane, client: kubernetes.client.ApiClient, chart: Path) -> None:
        self.helm = helm_python.Config(kubeconfig_path=plane.kubeconfig, namespace=NAMESPACE)
        self.chart = chart
        self.core = kubernetes.client.CoreV1Api(client)
        self.apps = kubernetes.client.AppsV1Api(client)
        self.dynamic = kubernetes.dynamic.DynamicClient(client)

    def install(self, values: dict[str, Any]) -> None:
        self.helm.install(self.chart, RELEASE, values, namespace=NAMESPACE)

    def upgrade(self, values: dict[str, Any]) -> None:
        self.helm.upgrade(self.chart, RELEASE, values, namespace=NAMESPACE)

    def pods(self) -> dict[str, bool]:
        """Names of the receiver's pods, and whether each is ready."""
        selector = "app.kubernetes.io/component=receiver"
        return {
            pod.metadata.name: any(found.type == "Ready" and found.status == "True" for found in pod.status.conditions or [])
            for pod in self.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
        }

    def settled(self, count: int = 2) -> set[str]:
        """Waits until as many pods are there, all ready, and no old ones; their names."""
        wait_for(lambda: len(self.pods()) == count and all(self.pods().values()), f"{count} ready pods")
        return set(self.pods())

    def config(self) -> str:
        """The exporter's configuration file."""
        data: str = self.core.read_namespaced_config_map(RELEASE, NAMESPACE).data["threatboard.yaml"]
        return data

    def addresses(self, service: str) -> set[str]:
        """The names of the pods in the addresses of a Service's Endpoints that are ready."""
        subsets = self.core.read_namespaced_endpoints(service, NAMESPACE).subsets or []
        return {address.target_ref.name for subset in subsets for address in subset.addresses or []}

    def slices(self, service: str) -> dict[str, bool]:
        """The names of the pods in a Service's EndpointSlices, and whether each is marked as ready."""
        listed = kubernetes.client.CustomObjectsApi(self.core.api_client).list_namespaced_custom_object(
            "discovery.k8s.io", "v1beta1", NAMESPACE, "endpointslices", label_selector=f"kubernetes.io/service-name={service}"
        )
        return {
            endpoint["targetRef"]["name"]: endpoint["conditions"]["ready"]
            for found in listed["items"]
            for endpoint in found["endpoints"] or []
        }

    def left(self) -> list[str]:
        """Every object of any kind and namespace that carries the release's name, or that Helm keeps of it."""
        found = []
        for kind in self.kinds():
            try:
                items = kind.get().items
            except kubernetes.client.ApiException as refused:
                assert refused.status in (404, 405), refused
                continue
            found += [
                f"{kind.kind} {item.metadata.namespace}/{item.metadata.name}"
                for item in items
                if item.metadata.name.startswith((RELEASE, f"sh.helm.release.v1.{RELEASE}"))
                or (item.metadata.labels or {}).get("app.kubernetes.io/instance") == RELEASE
            ]
        return [name for name in found if not name.startswith("Event ")]

    def kinds(self) -> list[Any]:
        """Every kind that can be listed."""
        searched = self.dynamic.resources.search()
        kinds = [kind for kind in searched if type(kind) is kubernetes.dynamic.resource.Resource]
        return [kind for kind in kinds if "list" in kind.verbs and "/" not in kind.name]

    def uninstall(self) -> None:
        """Uninstalls, and waits until nothing is left."""
        self.helm.uninstall(RELEASE)
        wait_for(lambda: not self.left(), lambda: f"nothing of the release to be left: {self.left()}")


def wait_for(condition: Callable[[], bool], what: str | Callable[[], str], seconds: float = 40) -> None:
    """Waits until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(0.1)


@pytest.fixture
def release(
    plane: ControlPlane, client: kubernetes.client.ApiClient, nodes: Nodes, chart: Path
) -> Iterator[Release]:
    """Helm, with nothing installed; a test that failed leaves nothing to the next one."""
    made = Release(plane, client, chart)
    nodes.end_terminating = True
    with ExitStack() as stack:
        stack.callback(made.helm.close)
        yield made
        nodes.end_terminating = True
        if made.left():
            made.uninstall()
    assert nodes.faults == []


def test_everything_installs_and_nothing_is_left_behind(release: Release) -> None:
    release.install(EVERYTHING)
    release.settled()
    kinds = {name.split()[0] for name in release.left()}
    assert kinds >= {
        *("Deployment", "ReplicaSet", "Pod", "Service", "Endpoints", "EndpointSlice", "ConfigMap", "ServiceAccount"),
        *("NetworkPolicy", "ServiceMonitor", "PrometheusRule", "AlertmanagerConfig", "Certificate", "Secret"),
    }
    assert {name.split()[1] for name in release.left() if name.startswith("AlertmanagerConfig")} == {
        "shop/threatboard",
        "payments/threatboard",
    }
    release.uninstall()
    assert release.left() == []


def test_a_live_setting_reaches_the_pods_without_restarting_them(release: Release) -> None:
    release.install(PLAIN)
    before = release.settled()
    tuning = {"match": {"rule": "Terminal shell in container"}, "action": "suppress", "reason": "we know"}
    release.upgrade({**PLAIN, "config": {"falco": {"tuning": [tuning]}}, "controls": {"waf": True}})
    assert "we know" in release.config()
    time.sleep(2)
    assert release.settled() == before


def test_a_restart_setting_replaces_the_pods_one_more_at_a_time_and_never_one_less(release: Release) -> None:
    release.install(PLAIN)
    before = release.settled()
    release.upgrade({**PLAIN, "config": {"events": {"log": False}}})
    seen = []

    def replaced() -> bool:
        pods = release.pods()
        seen.append((sum(pods.values()), len(pods)))
        return len(pods) == 2 and all(pods.values()) and not before & pods.keys()

    wait_for(replaced, "new pods")
    assert min(ready for ready, _ in seen) == 2
    assert len(release.addresses(RELEASE)) == 2
    spec = release.apps.read_namespaced_deployment(RELEASE, NAMESPACE).spec.strategy.rolling_update
    assert (spec.max_unavailable, spec.max_surge) == (0, 1)


def test_a_rollback_brings_back_configuration_and_pods(release: Release) -> None:
    release.install(PLAIN)
    release.settled()
    first = release.config()
    sets = {found.metadata.name for found in release.apps.list_namespaced_replica_set(NAMESPACE).items}
    release.upgrade({**PLAIN, "config": {"events": {"log": False}, "series": {"limit": 5}}})
    release.settled()
    assert release.config() != first
    release.helm.rollback(RELEASE, version=1)
    assert release.config() == first

    def back() -> bool:
        found = release.apps.list_namespaced_replica_set(NAMESPACE).items
        return {one.metadata.name for one in found if one.status.replicas} == sets

    wait_for(back, "the first ReplicaSet")
    assert len(release.settled()) == 2


def test_a_terminating_pod_stays_a_target_and_gets_no_more_events(release: Release, nodes: Nodes) -> None:
    """Its last values are scraped while it drains: only if Prometheus still finds it in the Endpoints."""
    release.install(PLAIN)
    old = release.settled()
    metrics = f"{RELEASE}-metrics"
    wait_for(lambda: release.addresses(RELEASE) == release.addresses(metrics) == old, "both Services to list the pods")
    nodes.end_terminating = False
    leaving = min(old)
    release.core.delete_namespaced_pod(leaving, NAMESPACE)
    wait_for(lambda: leaving not in release.addresses(RELEASE), "the intake to drop the pod")
    wait_for(lambda: len(release.addresses(RELEASE)) == 2, "the intake to have its successor")
    time.sleep(2)
    assert leaving in release.pods()
    assert release.addresses(metrics) == old | set(release.pods())
    assert release.slices(metrics)[leaving] is True
    assert not release.slices(RELEASE).get(leaving, False)
    nodes.end_terminating = True
    wait_for(lambda: leaving not in release.addresses(metrics), "the pod to be gone")


def test_the_pods_have_time_to_drain(release: Release) -> None:
    release.install({**PLAIN, "config": {"intake": {"drain": "1m"}, "metrics": {"final_scrape_timeout": "5m"}}})
    spec = release.apps.read_namespaced_deployment(RELEASE, NAMESPACE).spec.template.spec
    assert spec.termination_grace_period_seconds == 375


def test_helm_test_runs_its_pod_and_removes_it(release: Release) -> None:
    release.install(PLAIN)
    release.settled()
    release.helm.test(RELEASE, timeout=30)
    wait_for(lambda: not [name for name in release.left() if name.endswith("-test")], "the test pod to be removed")


def test_a_wrong_value_changes_nothing_that_runs(release: Release) -> None:
    release.install(PLAIN)
    before = release.settled()
    with pytest.raises(helm_python.HelmError, match="got string, want integer"):
        release.upgrade({**PLAIN, "receiver": {"replicas": "many"}})
    assert release.settled() == before
