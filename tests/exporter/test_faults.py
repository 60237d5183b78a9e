"""What breaks around the exporter breaks nothing in it: disk, clock, standard output, configuration."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

from demo.servers import wait_for
from tests.support.load import meanwhile, typical, work_before_answers
from tests.support.receiver import PATIENCE, Receiver, alert, receiver

QUIET = {"events": {"log": False}}
SCRAPER = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system in memory with these options."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        reason = "only root can mount a small file system"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    mounted: list[Path] = []

    def make(options: str) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True)
        if done.returncode:
            reason = f"a small file system cannot be mounted here: {done.stderr}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run([umount, "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """Takes every page that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def send_rules(subject: Receiver, first: int, count: int) -> None:
    for number in range(first, first + count):
        assert subject.post(alert(f"Rule {number} of a rather long name, to fill a page"))[0] == 204


def counted(subject: Receiver) -> float:
    return subject.value("threat_falco_alerts_total")


def test_a_disk_that_fills_while_it_runs_loses_no_alert_is_told_and_is_made_up_for(
    small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    disk = small_disk("size=2m")
    series = {"state_dir": str(disk / "state"), "limit": 1000}
    with receiver(tmp_path, series=series, **QUIET) as subject:
        send_rules(subject, 0, 10)
        assert subject.value("threat_state_healthy") == 1
        filler = fill(disk)
        send_rules(subject, 10, 150)
        assert subject.value("threat_state_healthy") == 0
        assert counted(subject) == 160
        assert "No space left on device" in subject.log.read_text()

        filler.unlink()
        send_rules(subject, 160, 10)
        assert subject.value("threat_state_healthy") == 1
        subject.process.kill()
    with receiver(tmp_path, series=series, **QUIET) as subject:
        assert counted(subject) == 170
        assert subject.value("threat_falco_alerts_total", rule="Rule 100 of a rather long name, to fill a page") == 1


@pytest.mark.parametrize("options", ["size=64k", "size=2m,ro"], ids=["full from the start", "read-only"])
def test_a_disk_that_takes_nothing_from_the_start_is_told_and_counting_goes_on(
    options: str, small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    series = {"state_dir": str(small_disk(options) / "state")}
    with receiver(tmp_path, series=series, **QUIET) as subject:
        send_rules(subject, 0, 200)
        assert counted(subject) == 200
        assert subject.value("threat_state_healthy") == 0
        assert subject.value("threat_series_overflow_total", family="threat_falco_alerts_total") == 0
        assert subject.get("/readyz")[0] == 200
        assert subject.stop() == 0
    assert "counting goes on in memory" in subject.log.read_text()


@contextmanager
def at_fake_time(program: Path, offset: Path) -> Iterator[None]:
    """What is started within the block reads the time of day with the offset that the file holds, now and later."""
    library = next(program.resolve().parent.parent.glob("lib/*/faketime/libfaketime.so.1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(library))
        patch.setenv("FAKETIME_TIMESTAMP_FILE", str(offset))
        patch.setenv("FAKETIME_NO_CACHE", "1")
        patch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        yield


def test_a_clock_that_jumps_back_two_hours_hides_no_alert_and_repeats_none(
    tool: Callable[[str], Path], tmp_path: Path
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0")
    series = {"state_dir": str(tmp_path / "state"), "zero_hold": "300ms"}
    history = []
    connections: dict[Receiver, HTTPConnection] = {}

    def look(subject: Receiver) -> None:
        connections.setdefault(subject, HTTPConnection("127.0.0.1", subject.show))
        history.append({rule: subject_value(subject, rule) for rule in ("Before", "After", "Restarted")})

    def subject_value(subject: Receiver, rule: str) -> int | None:
        connection = connections[subject]
        connection.request("GET", "/metrics", headers=SCRAPER)
        page = connection.getresponse().read().decode()
        found = [line for line in page.splitlines() if f'rule="{rule}"' in line]
        return int(found[0].rsplit(" ", 1)[1]) if found else None

    def stamp(subject: Receiver) -> float:
        return subject.value("threat_last_event_timestamp_seconds", control="ids")

    with at_fake_time(tool("faketime"), offset):
        with receiver(tmp_path / "one", series=series, **QUIET) as subject:
            for rule, jump in (("Before", "-2h"), ("After", "-2h")):
                subject.post(alert(rule))
                for _ in range(4):
                    look(subject)
                    time.sleep(0.15)
                offset.write_text(jump)
            assert stamp(subject) < time.time() - 7000, "the clock of the receiver has not jumped"
            subject.process.kill()
        with receiver(tmp_path / "two", series=series, **QUIET) as subject:
            subject.post(alert("Restarted"))
            for _ in range(4):
                look(subject)
                time.sleep(0.15)

    for connection in connections.values():
        connection.close()
    for rule in ("Before", "After", "Restarted"):
        values = [found[rule] for found in history if found[rule] is not None]
        assert values[0] == 0
        assert values[-1] == 1
        assert values == sorted(values), (rule, values)  # type: ignore[type-var]


def test_a_stuck_standard_output_delays_nobody_and_what_is_dropped_is_counted(tmp_path: Path) -> None:
    body = "\n".join(json.dumps(alert() | {"output": "x" * 2000}) for _ in range(400)).encode()
    reading, writing = os.pipe()
    try:
        with receiver(tmp_path, stdout=writing) as subject:
            for _ in range(30):
                assert subject.post(body)[0] == 204
            dropped = subject.value("threat_event_lines_dropped_total")
            during = typical(work_before_answers(subject, 50))

            assert subject.value("threat_events_accepted_total", control="ids") == 30 * 400 + 50
            assert 0 < dropped < 30 * 400
            assert during < 0.02
            assert subject.stop() == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_storm_of_hangups_with_good_and_bad_files_disturbs_no_event_and_the_last_good_file_is_in_use(
    tmp_path: Path,
) -> None:
    with receiver(tmp_path, series={"limit": 1000}, **QUIET) as subject:
        good = yaml.safe_load(subject.config.read_text())
        sent = 0

        def send() -> None:
            nonlocal sent
            assert subject.post(alert(f"Rule {sent % 20}"))[0] == 204
            sent += 1

        with meanwhile(send):
            for number in range(60):
                text = yaml.safe_dump(good | {"series": {"limit": 2000 + number}})
                fresh = tmp_path / "fresh.yaml"
                fresh.write_text((text, text[: len(text) // 2], "{", "series: {limit: none}")[number % 4])
                fresh.replace(subject.config)
                for _ in range(5):
                    subject.process.send_signal(signal.SIGHUP)
                time.sleep(0.01)
            subject.config.write_text(yaml.safe_dump(good | {"series": {"limit": 3000}}))
            subject.process.send_signal(signal.SIGHUP)

            def in_use() -> bool:
                return subject.value("threat_series_limit", family="threat_falco_alerts_total") == 3000

            assert wait_for(in_use, PATIENCE)
        assert sent > 20
        assert counted(subject) == sent
        assert subject.value("threat_config_reload_success") == 1
