"""A real Prometheus with the simulated cluster's last two hours, under attack for the last ten minutes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import cilium, ingress, kubelet, past
from demo.history import Span, fill, record
from demo.prometheus import Prometheus
from demo.series import Phase, Row, Target, Timeline
from rules.tree import load

CONFIG = "scrape_configs: []\n"
MINUTE, HOUR = 60.0, 3600.0
ATTACK: tuple[Phase, ...] = ("ids", "egress", "dns", "cpu", "policy")

LEVELS = 6
"""Of what a pod belongs to, then its workload's traffic, then what is usual for it, then what is not."""


@dataclass(frozen=True)
class World:
    """A Prometheus, and the time up to which it knows the world."""

    prometheus: Prometheus
    now: float


def _alerting(since: float) -> Target:
    """What Prometheus itself would have written while the attack's alerts fired."""
    labels = {"alertstate": "firing", "control": "ids", "severity": "critical", "namespace": "shop"}
    fires = Row("ALERTS", {"alertname": "IdsCriticalAlert", **labels}, None, 1, "ids", "gauge", steady=True)
    active = {key: value for key, value in fires.labels.items() if key != "alertstate"}
    return Target("/alerts", {}, (fires, Row("ALERTS_FOR_STATE", active, None, since, "ids", "gauge", steady=True)))


@pytest.fixture(scope="session", params=cilium.GENERATIONS)
def world(
    request: pytest.FixtureRequest, tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The cluster with Cilium 1.12, and again with 1.20."""
    now = time.time() // MINUTE * MINUTE
    folder = tmp_path_factory.mktemp("world")
    data, span = folder / "prometheus", Span(now - 2 * HOUR, now, 30)
    timeline = Timeline(now - 48 * HOUR, dict.fromkeys(ATTACK, (now - 10 * MINUTE, now + HOUR)))
    live = (*cilium.targets(request.param), *kubelet.targets(), *ingress.targets())
    targets = (*live, *past.targets(), _alerting(now - 10 * MINUTE))
    fill(data, tool("promtool"), targets, timeline, span)
    files = sorted({rule.path for rule in load().recordings})
    with Prometheus(tool("prometheus"), CONFIG, folder) as prometheus:
        record(prometheus, tool("promtool"), files, Span(now - 1.5 * HOUR, now, MINUTE), LEVELS)
        yield World(prometheus, now)
