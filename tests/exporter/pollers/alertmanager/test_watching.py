"""`threatboard watch` beside a real Alertmanager: configured by a file, killed, restarted, reloaded."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.catalog import METRICS as METRICS_OF_ALL
from tests.support.alertmanagers import Member, Sender, ports, silence
from tests.support.watcher import PATIENCE, Watcher, watcher

CLUSTER = {"enabled": False}

COVERAGE = ("threat_coverage_", "threat_watch_resource", "threat_ingress_", "threat_configuration_", "threat_drill_")
METRICS = {
    name: metric for name, metric in METRICS_OF_ALL.items() if "watch" in metric.roles and not name.startswith(COVERAGE)
}


def until(watching: Watcher, name: str, labels: dict[str, str], expected: float) -> None:
    """Waits until a series has that value."""
    deadline = time.monotonic() + PATIENCE
    key = tuple(sorted(labels.items()))
    while (found := watching.series(name).get(key)) != expected:
        assert time.monotonic() < deadline, f"{name}{labels} is {found}, not {expected}"
        time.sleep(0.2)


@pytest.mark.timeout(240)
def test_a_watcher_that_is_killed_goes_on_where_it_was(tool: Callable[[str], Path], tmp_path: Path) -> None:
    (gossip,) = ports(1)
    (tmp_path / "state").mkdir()
    with Member(tool("alertmanager"), tmp_path / "am", gossip, None) as member:
        sender = Sender([member])
        about = {"urls": [member.url], "interval": "1s", "state_dir": str(tmp_path / "state")}
        with watcher(tmp_path / "one", cluster=CLUSTER, alertmanager=about) as watching:
            until(watching, "threat_poll_success", {"poller": "alertmanager"}, 1.0)
            sender.fire("A")
            until(watching, "threat_unacknowledged_alerts", {"severity": "critical"}, 1.0)
            watching.shows_only(METRICS)
            assert "A: namespace shop" in watching.get("/")[1]
            assert watching.series("threat_kpi_target") == {
                (("kpi", "acknowledge_seconds"),): 600.0,
                (("kpi", "triage_seconds"),): 300.0,
                (("kpi", "false_positive_ratio"),): 0.5,
            }
            watching.process.kill()
        silence(member, "TP: real", alertname="A")
        with watcher(tmp_path / "two", cluster=CLUSTER, alertmanager=about) as watching:
            until(watching, "threat_poll_success", {"poller": "alertmanager"}, 1.0)
            until(watching, "threat_unacknowledged_alerts", {"severity": "critical"}, 0.0)
            kept = (tmp_path / "state" / "alertmanager.json").read_text()
            assert '["A","critical","ids","shop",1.0' in kept
            assert '["A","true_positive",1.0' in kept
            member.stop()
            until(watching, "threat_poll_success", {"poller": "alertmanager"}, 0.0)
            watching.wait_for_log(r"ERROR alertmanager\.urls: \S+: nobody listens there")
            assert watching.series("threat_unacknowledged_alerts") == {}
            assert watching.series("threat_alert_episodes_total")
            member.start()
            until(watching, "threat_poll_success", {"poller": "alertmanager"}, 1.0)

            # Another target is in use at once; to be without Alertmanager waits for a restart.
            watching.configure(
                cluster=CLUSTER, alertmanager={**about, "targets": {"acknowledge": "5m", "false_positive_ratio": 0.2}}
            )
            until(watching, "threat_kpi_target", {"kpi": "acknowledge_seconds"}, 300.0)
            watching.configure(cluster=CLUSTER, alertmanager={"interval": "1s"})
            watching.wait_for_log(r"waits for a restart: alertmanager\.urls")
            until(watching, "threat_poll_success", {"poller": "alertmanager"}, 1.0)
            assert watching.stop() == 0
        sender.close()


def test_without_alertmanager_there_are_no_figures_of_it(tmp_path: Path) -> None:
    with watcher(tmp_path, cluster=CLUSTER) as watching:
        assert watching.get("/readyz")[0] == 200
        watching.wait_for_log("nothing is watched: cluster.enabled is false, and alertmanager.urls is empty")
        assert watching.series("threat_poll_success") == {}
        assert watching.series("threat_kpi_target") == {}
