"""Tuning in a running exporter: what it makes of alerts, and how it changes without a restart."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.receiver import PATIENCE, ROOT, Receiver, alert, receiver

SUPPRESS = {"match": {"rule": "Noise", "k8s_ns_name": "backup-*"}, "action": "suppress", "reason": "backup job"}
RAISE = {"match": {"rule": "Quiet"}, "action": "set_priority", "priority": "critical", "reason": "matters here"}


def configuration(*entries: dict[str, Any]) -> str:
    listen = {"listen": "127.0.0.1:0"}
    return yaml.safe_dump(
        {"intake": listen, "metrics": listen, "events": {"log": False}, "falco": {"tuning": [*entries]}}
    )


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def counted(running: Receiver, rule: str, priority: str) -> float:
    return running.value("threat_falco_alerts_total", rule=rule, priority=priority)


def suppressed(running: Receiver) -> float:
    return running.value("threat_falco_suppressed_total", rule="Noise", reason="backup job")


def is_suppressed(running: Receiver) -> bool:
    """Posts one alert; whether it was suppressed. It is counted in exactly one of the two ways."""
    before = suppressed(running), counted(running, "Noise", "notice")
    assert running.post(alert("Noise", k8s_ns_name="backup-1")) == (204, None)
    after = suppressed(running), counted(running, "Noise", "notice")
    assert sum(after) == sum(before) + 1
    return after[0] > before[0]


def test_suppressed_alerts_are_counted_as_accepted_and_suppressed(tmp_path: Path) -> None:
    with receiver(tmp_path, falco={"tuning": [SUPPRESS]}, events={"log": False}) as running:
        noise = alert("Noise", k8s_ns_name="backup-1") | {"hostname": "node-5"}
        assert running.post([noise, noise, alert("Noise")]) == (204, None)

        assert suppressed(running) == 2
        assert counted(running, "Noise", "notice") == 1  # the one in another namespace
        assert running.value("threat_events_accepted_total", control="ids") == 3
        assert running.value("threat_last_event_timestamp_seconds", hostname="node-5") > 0


def test_set_priority_changes_the_label(tmp_path: Path) -> None:
    with receiver(tmp_path, falco={"tuning": [RAISE]}, events={"log": False}) as running:
        assert running.post([alert("Quiet"), alert("Other")]) == (204, None)
        assert counted(running, "Quiet", "critical") == 1
        assert counted(running, "Quiet", "notice") == 0
        assert counted(running, "Other", "notice") == 1


def test_tuning_changes_with_sighup_and_a_bad_file_is_refused_whole(tmp_path: Path) -> None:
    with receiver(tmp_path, events={"log": False}) as running:
        assert not is_suppressed(running)

        def use(text: str, success: float) -> None:
            attempts = running.log.read_text().count("configuration: ")
            running.config.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            until(lambda: running.log.read_text().count("configuration: ") > attempts)
            until(lambda: running.value("threat_config_reload_success") == success)

        use(configuration(SUPPRESS), 1)
        assert is_suppressed(running)
        taken = running.value("threat_config_reload_timestamp_seconds")

        # One entry is good and would end the suppression; the other is not.
        use(configuration(RAISE, {**RAISE, "priority": "loud"}), 0)
        assert is_suppressed(running)
        assert running.post(alert("Quiet")) == (204, None)
        assert counted(running, "Quiet", "critical") == 0
        assert running.value("threat_config_reload_timestamp_seconds") == taken
        assert "falco.tuning[1].priority" in running.log.read_text()

        use(configuration(RAISE), 1)
        assert not is_suppressed(running)
        assert running.post(alert("Quiet")) == (204, None)
        assert counted(running, "Quiet", "critical") == 1


class ConfigMap:
    """A ConfigMap volume: the file is a link through `..data`, which the kubelet swaps for another folder."""

    def __init__(self, folder: Path, text: str) -> None:
        self._folder = folder
        self._version = 0
        self.file = folder / "threatboard.yaml"
        self.swap(text)
        self.file.symlink_to("..data/threatboard.yaml")

    def swap(self, text: str) -> None:
        before = self._folder / f"..{self._version}"
        self._version += 1
        fresh = self._folder / f"..{self._version}"
        fresh.mkdir()
        (fresh / "threatboard.yaml").write_text(text)
        link = self._folder / "..data_tmp"
        link.symlink_to(fresh.name)
        link.replace(self._folder / "..data")
        shutil.rmtree(before, ignore_errors=True)


@contextmanager
def started(config: Path, log: Path) -> Iterator[Receiver]:
    command = [sys.executable, "-m", "exporter", "receive", "--config", os.fspath(config)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, cwd=ROOT)
    try:
        yield Receiver(process, log, config)
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_tuning_changes_when_a_config_map_is_swapped(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    volume = ConfigMap(tmp_path / "volume", configuration())
    with started(volume.file, tmp_path / "log") as running:
        assert not is_suppressed(running)
        volume.swap(configuration(SUPPRESS))
        until(lambda: is_suppressed(running))
        volume.swap("falco: {tuning: [")
        until(lambda: running.value("threat_config_reload_success") == 0)
        assert is_suppressed(running)
        volume.swap(configuration())
        until(lambda: not is_suppressed(running))
        assert running.value("threat_config_reload_success") == 1
