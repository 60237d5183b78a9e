"""A rolling update under load loses no alert: every one that Falco sent is in Prometheus when the old pods are gone.

Real are the API server and its controllers, the receivers and Prometheus; kubelets, the Service's packets
and Prometheus' discovery (from the real Endpoints) are played.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from demo.prometheus import Prometheus
from tests.cluster.nodes import Nodes
from tests.cluster.processes import Discovery, Falco, Processes
from tests.cluster.release import Release, wait_for
from tests.cluster.test_release import PLAIN

QUICK = {"intake": {"drain": "3s"}, "metrics": {"final_scrape_timeout": "20s"}}


@pytest.fixture
def processes(release: Release, nodes: Nodes, tmp_path: Path) -> Iterator[Processes]:
    """Pods that really run, until the release is gone."""
    made = Processes(release.api, tmp_path)
    nodes.runtime = made
    yield made
    release.uninstall()
    made.close()


@pytest.fixture
def prometheus(
    release: Release, start_prometheus: Callable[[str, str], Prometheus], tmp_path: Path
) -> Iterator[Callable[[], Prometheus]]:
    """Starts a Prometheus that finds the pods by the metrics Service."""
    file = tmp_path / "targets.json"
    job = {"job_name": "threatboard", "file_sd_configs": [{"files": [str(file)]}]}
    intervals = {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "1h"}
    config = yaml.safe_dump({"global": intervals, "scrape_configs": [job]})
    with ExitStack() as stack:

        def start() -> Prometheus:
            stack.enter_context(Discovery(release.api, file))
            return start_prometheus(config, "prometheus")

        yield start


def test_a_rolling_update_under_load_loses_no_alert(
    release: Release, processes: Processes, prometheus: Callable[[], Prometheus]
) -> None:
    release.install({**PLAIN, "config": QUICK})
    old = release.settled()
    server = prometheus()
    wait_for(lambda: len(server.query("up == 1")) == 2, "two targets")
    with ExitStack() as stack:
        falcos = [stack.enter_context(Falco(release.api, number)) for number in range(4)]
        time.sleep(3)
        release.upgrade({**PLAIN, "config": {**QUICK, "events": {"log": False}}})
        wait_for(lambda: not old & release.pods().keys(), "the old pods to be gone", 120)
        assert len(release.settled()) == 2
        time.sleep(2)
    assert [falco.lost for falco in falcos] == [[], [], [], []]
    assert processes.ends.keys() == old
    assert [code for code, _ in processes.ends.values()] == [0, 0]
    accepted = sum(falco.accepted for falco in falcos)

    def stored() -> float:
        found = server.query('sum(max_over_time(threat_falco_alerts_total{rule=~"rule .*"}[10m]))')
        return found[0].value if found else 0

    wait_for(lambda: stored() >= accepted, lambda: f"{accepted} alerts, Prometheus has {stored()}", 30)
    assert stored() == accepted > 500
    # Old and new pods took some, or nothing was shown; a kept-open connection stays with the pod that it happened on.
    took = server.query('count by (instance) (max_over_time(threat_falco_alerts_total{rule=~"rule .*"}[10m]) > 0)')
    instances = {series.labels["instance"] for series in took}
    assert instances & old
    assert instances - old
