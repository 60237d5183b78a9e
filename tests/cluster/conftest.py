"""A real Kubernetes control plane, which runs only when asked for, by `make test-cluster`, and the chart as it ships.

Custom resources are taken by definitions of our own that know no more than their names. The namespace of the release
enforces the restricted Pod Security Standard.
"""

import os
from collections.abc import Iterator

import pytest

from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.nodes import Nodes, Pretence
from tests.cluster.release import NAMESPACE, Release
from tests.helm.chart import CHART

collect_ignore_glob = [] if os.environ.get("TEST_CLUSTER") else ["test_*.py"]

CUSTOM = (
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("monitoring.coreos.com", "v1", "Prometheus", "prometheuses"),
    ("monitoring.coreos.com", "v1", "Alertmanager", "alertmanagers"),
    ("monitoring.coreos.com", "v1alpha1", "AlertmanagerConfig", "alertmanagerconfigs"),
    ("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies"),
    ("cilium.io", "v2", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies"),
    ("policy.networking.k8s.io", "v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies"),
    ("policy.networking.k8s.io", "v1alpha1", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
)

CLUSTER_WIDE = ("CiliumClusterwideNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")


RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


def definition(group: str, version: str, kind: str, plural: str) -> Object:
    """A custom resource definition that takes any content."""
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        # The API server asks for the annotation where a group is Kubernetes' own.
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Cluster" if kind in CLUSTER_WIDE else "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": version, "served": True, "storage": True, "schema": anything}],
        },
    }


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane, with the definitions of custom resources and some namespaces."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        for custom in CUSTOM:
            running.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(*custom))
        for name in (NAMESPACE, "shop", "payments", "falco"):
            running.api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": RESTRICTED}})
        yield running


@pytest.fixture(scope="session")
def nodes(plane: ControlPlane) -> Iterator[Nodes]:
    """Nodes whose pods run."""
    with Nodes(plane.api) as made:
        yield made
    assert made.faults == []


@pytest.fixture
def release(plane: ControlPlane, nodes: Nodes) -> Iterator[Release]:
    """Nothing installed yet; what a test that failed has left is removed."""
    made = Release(plane, CHART)
    yield made
    nodes.runtime = Pretence()
    if made.left():
        made.uninstall()
    made.helm.close()
