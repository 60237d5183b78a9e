"""The chart against a real Kubernetes API server and its controllers: install, upgrade, rollback, uninstall."""

import time
from typing import Any

import helm_python
import pytest

from tests.cluster.nodes import PLAYED, Nodes, Pretence
from tests.cluster.release import CORE, RELEASE, Release, wait_for

PLAIN: dict[str, Any] = {"receiver": {"nodeSelector": PLAYED}}
EVERYTHING: dict[str, Any] = {
    **PLAIN,
    "controls": {"network": True, "hubble": True, "waf": True},
    "serviceMonitor": {"enabled": True},
    "rules": {"enabled": True},
    "alertmanagerConfig": {"enabled": True, "namespaces": ["shop", "payments"], "slack": {"existingSecret": "slack"}},
    "networkPolicy": {"enabled": True},
    "certManager": {"enabled": True, "issuerRef": {"name": "ca"}},
    "metrics": {"tls": {"enabled": True}},
}
RESTART = {**PLAIN, "config": {"events": {"log": False}, "series": {"limit": 5}}}


def test_everything_installs_and_nothing_is_left_behind(release: Release) -> None:
    release.install(EVERYTHING)
    release.settled()
    there = release.left()
    assert {name.split()[0] for name in there} >= {
        *("Deployment", "ReplicaSet", "Pod", "Service", "Endpoints", "EndpointSlice", "ConfigMap", "ServiceAccount"),
        *("NetworkPolicy", "ServiceMonitor", "PrometheusRule", "AlertmanagerConfig", "Certificate", "Secret"),
    }
    routes = {name.split()[1] for name in there if name.startswith("AlertmanagerConfig")}
    assert routes == {"shop/threatboard", "payments/threatboard"}
    release.uninstall()
    assert release.left() == []


def test_a_live_setting_reaches_the_pods_without_restarting_them(release: Release) -> None:
    release.install(PLAIN)
    before = release.settled()
    tuning = {"match": {"rule": "Terminal shell in container"}, "action": "suppress", "reason": "we know"}
    release.upgrade({**PLAIN, "config": {"falco": {"tuning": [tuning]}}, "controls": {"waf": True}})
    assert "we know" in release.config()
    time.sleep(2)  # the controllers would have begun by now
    assert release.settled() == before


def test_a_restart_setting_replaces_the_pods_with_never_one_less(release: Release) -> None:
    release.install(PLAIN)
    before = release.settled()
    release.upgrade(RESTART)
    seen = []

    def replaced() -> bool:
        pods = release.pods()
        seen.append((sum(pods.values()), len(pods)))
        return [*pods.values()] == [True, True] and not before & pods.keys()

    wait_for(replaced, "new pods")
    assert min(ready for ready, _ in seen) == 2
    assert max(count for _, count in seen) > 2


def test_a_rollback_brings_back_configuration_and_pods(release: Release) -> None:
    release.install(PLAIN)
    release.settled()
    first, sets = release.config(), release.replica_sets()
    release.upgrade(RESTART)
    wait_for(lambda: not sets & release.replica_sets(), "the first pods to be gone")
    assert release.config() != first
    release.helm.rollback(RELEASE, version=1)
    assert release.config() == first
    wait_for(lambda: release.replica_sets() == sets, "the first ReplicaSet to have the pods again")
    assert len(release.settled()) == 2


def test_a_terminating_pod_stays_a_target_and_gets_no_more_events(release: Release, nodes: Nodes) -> None:
    """Its last values are scraped while it drains: only if Prometheus still finds it in the Endpoints."""
    metrics = f"{RELEASE}-metrics"
    release.install(PLAIN)
    old = release.settled()
    wait_for(lambda: release.addresses(RELEASE) == release.addresses(metrics) == old, "both Services to list the pods")
    runtime = nodes.runtime = Pretence()
    runtime.hold = True
    leaving = min(old)
    release.api.delete(f"{CORE}/pods/{leaving}")
    wait_for(lambda: leaving not in release.addresses(RELEASE), "the intake to drop the pod")
    wait_for(lambda: len(release.addresses(RELEASE)) == 2, "the intake to have its successor")
    time.sleep(2)
    assert leaving in release.pods()
    assert release.addresses(metrics) == set(release.pods())
    assert len(release.addresses(metrics)) == 3
    assert release.slices(metrics)[leaving] is True
    assert release.slices(RELEASE).get(leaving, False) is False
    runtime.hold = False
    wait_for(lambda: leaving not in release.addresses(metrics), "the pod to be gone")


def test_the_pods_have_time_to_drain(release: Release) -> None:
    release.install({**PLAIN, "config": {"intake": {"drain": "1m"}, "metrics": {"final_scrape_timeout": "5m"}}})
    assert release.deployment()["template"]["spec"]["terminationGracePeriodSeconds"] == 375


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
