"""A real exporter with real Prometheus servers, and what they have stored."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from demo.prometheus import Prometheus
from demo.servers import Exporter, wait_for
from tests.support.proxy import Proxy
from tests.support.receiver import alert

INTERVAL = 0.5

StartPrometheus = Callable[[str, str], Prometheus]


class Scene:
    """A real exporter, and Prometheus servers that scrape it, each through a proxy of its own."""

    def __init__(self, start: StartPrometheus, stack: ExitStack, folder: Path, settle: str, **series: str) -> None:
        self._start = start
        self._stack = stack
        config = {"series": {"settle": settle, **series}, "events": {"log": False}}
        self.exporter = stack.enter_context(Exporter(config, folder))

    def scraper(self, name: str, source: str = "127.0.0.1") -> tuple[Prometheus, Proxy]:
        """Starts a Prometheus; one of a name used before has its data."""
        proxy = self._stack.enter_context(Proxy(self.exporter.port, source))
        config = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "1h"},
            "scrape_configs": [
                # The port is another at each start; the series must be the same.
                {
                    "job_name": "t",
                    "static_configs": [{"targets": [f"127.0.0.1:{proxy.port}"], "labels": {"instance": "x"}}],
                }
            ],
        }
        server = self._start(json.dumps(config), name)
        assert wait_for(lambda: scrapes(server) >= 2, 20), "Prometheus does not scrape"
        return server, proxy

    def alert(self, rule: str) -> None:
        self.exporter.post("/falco", json.dumps(alert(rule, "Critical")).encode())


def scrapes(server: Prometheus) -> int:
    found = server.query("count_over_time(up[1m])")
    return int(found[0].value) if found else 0


def stored(server: Prometheus, rule: str) -> list[float]:
    """The samples of the rule's one series, oldest first."""
    found = server.query(f'threat_falco_alerts_total{{rule="{rule}"}}[10m]')
    assert len(found) <= 1
    return [value for _, value in found[0].samples] if found else []


def rise(samples: list[float]) -> float:
    """By how much a counter rose in all, a fall being a reset, as `increase()` reckons."""
    pairs = pairwise(samples)
    return sum(after - before if after >= before else after for before, after in pairs)


def assert_seen_once(server: Prometheus, rule: str) -> None:
    """The stored samples rise by exactly 1 from a 0, and `increase()` is above 0 while the step is in its window."""
    assert wait_for(lambda: 1.0 in stored(server, rule), 20), f"never 1: {stored(server, rule)}"
    time.sleep(3 * INTERVAL)
    samples = stored(server, rule)
    assert samples[0] == 0
    assert rise(samples) == 1
    assert server.query(f'increase(threat_falco_alerts_total{{rule="{rule}"}}[5m])')[0].value > 0
