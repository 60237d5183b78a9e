"""A real Kubernetes control plane, which runs only when asked for, by `make test-cluster`, and the chart for it.

The server is 1.20, older than what the chart is for, so a copy of the chart is installed: without kubeVersion, without
internalTrafficPolicy (a field of 1.21), and with the PodDisruptionBudget off (policy/v1 is of 1.21). DaemonSets are not
installed here (maxSurge is of 1.21). All else is as shipped. Custom resources are taken by definitions that check
nothing.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.api import Object
from tests.cluster.control_plane import PROGRAMS, ControlPlane
from tests.cluster.nodes import Nodes, Pretence
from tests.cluster.release import NAMESPACE, Release
from tests.helm.chart import CHART

collect_ignore_glob = [] if os.environ.get("TEST_CLUSTER") else ["test_*.py"]

CUSTOM = (
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("monitoring.coreos.com", "v1alpha1", "AlertmanagerConfig", "alertmanagerconfigs"),
    ("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
)


def definition(group: str, version: str, kind: str, plural: str) -> Object:
    """A custom resource definition that takes any content."""
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": version, "served": True, "storage": True, "schema": anything}],
        },
    }


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane, with the definitions of custom resources and some namespaces."""
    if not (PROGRAMS / "kube-apiserver").exists() or shutil.which("etcd") is None:
        reason = f"there is no kube-apiserver in {PROGRAMS}, or no etcd: `make test-cluster` gets them"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        for custom in CUSTOM:
            running.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(*custom))
        for name in (NAMESPACE, "shop", "payments"):
            running.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        yield running


@pytest.fixture(scope="session")
def nodes(plane: ControlPlane) -> Iterator[Nodes]:
    """Nodes whose pods run."""
    with Nodes(plane.api) as made:
        yield made
    assert made.faults == []


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


@pytest.fixture
def release(plane: ControlPlane, nodes: Nodes, chart: Path) -> Iterator[Release]:
    """Nothing installed yet; what a test that failed has left is removed."""
    made = Release(plane, chart)
    yield made
    nodes.runtime = Pretence()
    if made.left():
        made.uninstall()
    made.helm.close()
