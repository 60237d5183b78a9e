"""No first alert is invisible: what a real Prometheus stores of one single alert, whatever happens to connections."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.servers import wait_for
from tests.support.scene import INTERVAL, Scene, StartPrometheus, assert_seen_once, stored


@pytest.fixture
def scene(start_prometheus: StartPrometheus, servers: ExitStack, tmp_path: Path) -> Callable[..., Scene]:
    return lambda settle="10m": Scene(start_prometheus, servers, tmp_path, settle)


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
