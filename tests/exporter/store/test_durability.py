"""What was answered 204 is counted after `kill -9` at any moment, and no alert is missed or told twice for it."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.servers import wait_for
from tests.support.receiver import Receiver, alert, receiver
from tests.support.scene import INTERVAL, Scene, StartPrometheus, assert_seen_once, rise, stored

RULES = 40


class Sender(threading.Thread):
    """Sends alerts on one kept-open connection until that is cut; counts what it sent and what was answered 204."""

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: list[str] = []
        self._random = random.Random(seed)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def run(self) -> None:
        while not self.faults:
            rules = [f"Rule {self._random.randrange(RULES)}" for _ in range(self._random.choice([1, 1, 1, 5]))]
            body = "\n".join(json.dumps(alert(rule)) for rule in rules)
            self.sent.update(rules)
            try:
                self._connection.request("POST", "/falco", body.encode())
                response = self._connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                return
            if response.status != 204:
                self.faults.append(f"answered {response.status}")
            self.answered.update(rules)

    def end(self) -> None:
        """Waits until it has ended, because its receiver has."""
        self.join(10)
        self._connection.close()
        assert not self.faults


def counts(subject: Receiver) -> Counter[str]:
    """Rule -> count, as shown to a person."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(subject.get("/metrics")[2].decode()):
        for sample in family.samples:
            if sample.name == "threat_falco_alerts_total":
                found[sample.labels["rule"]] += int(sample.value)
    return found


def test_killed_at_random_moments_under_load_every_rule_has_what_was_answered_and_no_more_than_was_sent(
    tmp_path: Path,
) -> None:
    moments = random.Random(3)
    sent: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    series = {"state_dir": str(tmp_path / "state"), "idle_expiry": "1h"}
    for life in range(6):
        with receiver(tmp_path, series=series, events={"log": False}) as subject:
            shown = counts(subject)
            assert all(answered[rule] <= shown[rule] <= sent[rule] for rule in sent), (answered, shown, sent)
            if life == 5:
                break
            senders = [Sender(subject.intake, 10 * life + number) for number in range(3)]
            for sender in senders:
                sender.start()
            time.sleep(moments.uniform(0.05, 0.6))
            subject.process.kill()
            for sender in senders:
                sender.end()
                sent.update(sender.sent)
                answered.update(sender.answered)
    assert sum(answered.values()) > 100


@pytest.fixture
def scene(start_prometheus: StartPrometheus, servers: ExitStack, tmp_path: Path) -> Callable[..., Scene]:
    return lambda settle="10m": Scene(start_prometheus, servers, tmp_path, settle, state_dir=str(tmp_path / "state"))


@pytest.mark.parametrize(("settle", "down"), [("10m", 0.0), ("300ms", 1.0)], ids=["at once", "later than settle"])
def test_a_new_rule_that_nobody_scraped_before_the_kill_is_a_step_after_it_and_an_old_one_is_none(
    settle: str, down: float, scene: Callable[..., Scene]
) -> None:
    stage = scene(settle)
    one, two = stage.scraper("one")[0], stage.scraper("two")[0]
    stage.alert("Seen before")
    for server in (one, two):
        assert_seen_once(server, "Seen before")
    stage.alert("Never scraped")
    stage.exporter.kill()
    time.sleep(down)
    stage.exporter.start()

    for server in (one, two):
        assert_seen_once(server, "Never scraped")
        assert_seen_once(server, "Seen before")


def test_a_rule_from_before_any_prometheus_came_is_a_step_after_a_kill_longer_ago_than_settle(
    scene: Callable[..., Scene],
) -> None:
    stage = scene("3s")
    stage.alert("Never scraped")
    stage.exporter.kill()
    server, _ = stage.scraper("one")
    time.sleep(3)
    stage.exporter.start()

    assert_seen_once(server, "Never scraped")


def test_a_rule_of_which_only_the_zero_was_scraped_before_the_kill_rises_once(scene: Callable[..., Scene]) -> None:
    stage = scene()
    server, _ = stage.scraper("one")
    stage.alert("Half seen")
    assert wait_for(lambda: bool(stored(server, "Half seen")), 20, every=0.02)
    stage.exporter.kill()
    stage.exporter.start()

    assert_seen_once(server, "Half seen")


def test_a_prometheus_that_was_down_sees_what_happened_before_and_after_a_kill_meanwhile(
    scene: Callable[..., Scene],
) -> None:
    stage = scene("300ms")
    server, _ = stage.scraper("one")
    stage.alert("Seen before")
    assert_seen_once(server, "Seen before")
    server.stop()
    stage.alert("Before the kill")
    stage.exporter.kill()
    time.sleep(0.5)
    stage.exporter.start()
    stage.alert("After the kill")
    time.sleep(1)
    server, _ = stage.scraper("one")

    for rule in ("Seen before", "Before the kill", "After the kill"):
        assert_seen_once(server, rule)


def test_a_prometheus_that_cannot_come_for_a_while_sees_every_alert_of_that_time(scene: Callable[..., Scene]) -> None:
    stage = scene("300ms")
    server, proxy = stage.scraper("one")
    target, proxy.target = proxy.target, 1
    proxy.cut()
    for _ in range(3):
        stage.alert("While nobody came")
    time.sleep(3 * INTERVAL)
    proxy.target = target

    assert wait_for(lambda: 3.0 in stored(server, "While nobody came"), 20)
    samples = stored(server, "While nobody came")
    assert samples[0] == 0
    assert rise(samples) == 3
