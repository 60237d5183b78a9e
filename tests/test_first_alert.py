"""No first alert is invisible: what a real Prometheus stores of one single alert, whatever happens to connections."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from demo.prometheus import Prometheus
from demo.servers import Exporter, wait_for
from tests.proxy import Proxy
from tests.receiver import alert

INTERVAL = 0.5

StartPrometheus = Callable[[str, str], Prometheus]


class Scene:
    """A real exporter, and Prometheus servers that scrape it, each through a proxy of its own."""

    def __init__(self, start: StartPrometheus, stack: ExitStack, folder: Path, settle: str) -> None:
        self._start = start
        self._stack = stack
        self.exporter = stack.enter_context(Exporter({"series": {"settle": settle}, "events": {"log": False}}, folder))

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


@pytest.fixture
def scene(start_prometheus: StartPrometheus, servers: ExitStack, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    return lambda settle="10m": Scene(start_prometheus, servers, tmp_path, settle)  # type: ignore[return-value]


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


def test_one_alert_of_a_new_rule_is_a_step_from_zero_to_one(scene: Callable[..., Scene]) -> None:
    stage = scene()
    server, _ = stage.scraper("one")
    stage.alert("New rule")

    assert_seen_once(server, "New rule")


def test_right_after_a_restart_of_the_exporter(scene: Callable[..., Scene]) -> None:
    stage = scene()
    server, _ = stage.scraper("one")
    stage.exporter.stop()
    stage.exporter.start()
    stage.alert("Alert before the first scrape")

    assert_seen_once(server, "Alert before the first scrape")


def test_two_servers_at_one_address_of_which_one_reconnects(scene: Callable[..., Scene]) -> None:
    stage = scene()
    (one, proxy), (two, _) = stage.scraper("one"), stage.scraper("two")
    stage.alert("Before")
    assert_seen_once(one, "Before")
    proxy.cut()
    stage.alert("After")

    for server in (one, two):
        assert_seen_once(server, "After")
        assert_seen_once(server, "Before")


def test_two_servers_at_one_address_of_which_one_is_cut_off_in_the_middle_of_the_zero(
    scene: Callable[..., Scene],
) -> None:
    stage = scene()
    (one, proxy), (two, _) = stage.scraper("one"), stage.scraper("two")
    proxy.cut_next_answer(after=100)
    stage.alert("New rule")
    assert wait_for(lambda: not proxy.cutting, 20)

    for server in (one, two):
        assert_seen_once(server, "New rule")


def test_a_server_that_comes_back_from_another_address_with_its_old_data(scene: Callable[..., Scene]) -> None:
    stage = scene()
    server, _ = stage.scraper("one")
    server.stop()
    stage.alert("While it was away")
    time.sleep(2 * INTERVAL)
    moved, _ = stage.scraper("one", "127.0.0.2")

    assert_seen_once(moved, "While it was away")


def test_a_server_that_restarts_at_its_address_sees_what_happened_while_it_was_down(
    scene: Callable[..., Scene],
) -> None:
    """However old it is by then: here older than `settle`."""
    stage = scene(settle="100ms")
    server, _ = stage.scraper("one")
    stage.alert("Seen before")
    assert_seen_once(server, "Seen before")
    server.stop()
    stage.alert("While it was down")
    time.sleep(1)
    restarted, _ = stage.scraper("one")

    assert_seen_once(restarted, "While it was down")
    assert_seen_once(restarted, "Seen before")


def test_a_server_newly_pointed_at_an_old_exporter_sees_no_spike(scene: Callable[..., Scene]) -> None:
    stage = scene(settle="1s")
    for _ in range(5):
        stage.alert("Old news")
    time.sleep(1.5)
    server, _ = stage.scraper("new")
    time.sleep(3 * INTERVAL)

    assert set(stored(server, "Old news")) == {5}
