"""Drills as the chart installs them: their pods are admitted where the restricted Pod Security Standard is enforced."""

import urllib.error

import pytest

from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.release import Release, wait_for
from tests.helm.chart import CHART, example

DRILLS = "/apis/batch/v1/namespaces/threatboard-drill"
PODS = "/api/v1/namespaces/threatboard-drill/pods"


def test_a_drill_is_admitted_in_its_namespace(plane: ControlPlane, release: Release) -> None:
    release.install(example(CHART / "ci/watch-values.yaml"))
    enforced = plane.api.get("/api/v1/namespaces/threatboard-drill")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"
    made = plane.api.get(f"{DRILLS}/cronjobs/threatboard-drill")["spec"]["jobTemplate"]
    plane.api.create(f"{DRILLS}/jobs", {"metadata": {"name": "by-hand"}, "spec": made["spec"]})
    wait_for(
        lambda: bool(plane.api.items(PODS, labelSelector="threatboard/drill=true")), "the drill's pod to be admitted"
    )
    (pod,) = plane.api.items(PODS)
    assert pod["spec"]["containers"][0]["args"][0] == "drill"

    loose: Object = {"metadata": {"name": "loose"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    with pytest.raises(urllib.error.HTTPError, match="403"):  # or nothing was proven above
        plane.api.create(PODS, loose)
