"""Events for people: lines on standard output, a stuck pipe, and `/api/v1/events`."""

import fcntl
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from exporter.events import MAX_LINE, Recent, Record, line
from exporter.pages.events import PAGE_BYTES, PAGE_EVENTS, EventsView
from exporter.sources import Rejected
from exporter.sources.falco import parse
from tests.support.clock import FakeClock
from tests.support.receiver import PATIENCE, ROOT, Receiver, alert, receiver

TUNING = [
    {"match": {"rule": "Noise"}, "action": "suppress", "reason": "backup job"},
    {"match": {"rule": "Loud"}, "action": "set_priority", "priority": "debug", "reason": "too loud"},
]


def lines(path: Path, count: int) -> list[dict[str, Any]]:
    """Waits until there are as many event lines."""
    deadline = time.monotonic() + PATIENCE
    while (text := path.read_text()).count("\n") < count:
        assert time.monotonic() < deadline, f"not {count} lines: {text}"
        time.sleep(0.02)
    return [json.loads(line) for line in text.splitlines()]


def test_every_accepted_event_is_one_line(tmp_path: Path) -> None:
    who = {"user.name": "root", "proc.name": "cat", "proc.pname": "bash", "proc.cmdline": "cat /etc/shadow\n; true",
           "fd.name": "10.0.0.1:1->10.0.0.2:2", "container.image.repository": "web"}  # fmt: skip
    event = alert("Read sensitive file", "Warning", **who)
    out = tmp_path / "out"
    with out.open("wb") as stdout, receiver(tmp_path, stdout, falco={"tuning": TUNING}) as running:
        assert running.post([event, {"no": "alert"}, alert("Noise"), alert("Loud")])[0] == 200
        read, noise, loud = lines(out, 3)
        assert running.stop() == 0
    assert out.read_text().count("\n") == 3

    expected = {"control": "ids", "rule": "Read sensitive file", "priority": "warning", "source": "syscall",
                "tactic": "execution", "namespace": "shop", "workload": "web", "pod": "web-0", "node": "node-1",
                "user": "root", "process": "cat", "parent": "bash", "command_line": "cat /etc/shadow ; true",
                "connection": "10.0.0.1:1->10.0.0.2:2", "image": "web", "output": event["output"]}  # fmt: skip
    assert expected.items() <= read.items()
    assert read["time"] == event["time"].replace("000000000Z", "000Z")
    assert datetime.fromisoformat(read["received"]).timestamp() == pytest.approx(time.time(), abs=30)
    assert {"suppressed", "priority_counted", "file"}.isdisjoint(read)
    assert noise["suppressed"] == "backup job"
    assert (loud["priority"], loud["priority_counted"], loud["priority_reason"]) == ("notice", "debug", "too loud")


def test_lines_that_wait_are_written_before_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as stdout, receiver(tmp_path, stdout) as running:
        assert running.post([alert(f"rule {number}") for number in range(1000)]) == (204, None)
        assert running.stop() == 0
    assert len(lines(out, 1000)) == 1000


def test_without_events_log_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as stdout, receiver(tmp_path, stdout, events={"log": False}) as running:
        assert running.post(alert()) == (204, None)
        assert running.stop() == 0
    assert out.read_bytes() == b""


def test_a_stuck_standard_output_stops_nothing(tmp_path: Path) -> None:
    """A pipe that is full and that nobody reads: events are taken as fast as ever, and lines dropped are counted."""
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        with receiver(tmp_path, writing, intake={"max_body": "16MiB"}) as running:
            batch = json.dumps([alert() | {"output": "x" * 2000} for _ in range(2000)]).encode()
            for _ in range(6):
                assert running.post(batch) == (204, None)
            assert running.post(alert("One more")) == (204, None)
            assert running.value("threat_falco_alerts_total", rule="One more") == 1
            assert running.value("threat_events_accepted_total", control="ids") == 12_001
            assert running.value("threat_event_lines_dropped_total") > 0
            assert running.stop() == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_reader_that_has_gone_stops_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        with receiver(tmp_path, writing) as running:
            os.close(reading)
            assert running.post([alert()] * 3) == (204, None)
            deadline = time.monotonic() + PATIENCE
            while running.value("threat_event_lines_dropped_total") != 3:
                assert time.monotonic() < deadline
            assert running.post(alert()) == (204, None)
            assert running.stop() == 0
    finally:
        os.close(writing)


def test_a_standard_output_that_is_closed_stops_nothing(tmp_path: Path) -> None:
    config = tmp_path / "threatboard.yaml"
    config.write_text('{"intake": {"listen": "127.0.0.1:0"}, "metrics": {"listen": "127.0.0.1:0"}}')
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                'exec "$0" "$@" <&- >&-',
                sys.executable,
                "-m",
                "exporter",
                "receive",
                "--config",
                config,
            ],
            stderr=stderr,
            cwd=ROOT,
        )
    try:
        running = Receiver(process, log, config)
        assert running.post(alert()) == (204, None)
        assert running.get("/metrics")[0] == 200
        assert running.stop() == 0
    finally:
        process.kill()
        process.wait(PATIENCE)


# /api/v1/events -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver(tmp_path_factory.mktemp("events"), events={"log": False, "keep": 3}) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


def asked(running: Receiver, query: str = "") -> list[str]:
    """The rules of the events that a query finds."""
    status, headers, body = running.get("/api/v1/events" + query)
    assert (status, headers["content-type"]) == (200, "application/json")
    return [event["rule"] for event in json.loads(body)["events"]]


def test_events_are_found_by_rule_namespace_and_control(subject: Receiver) -> None:
    assert subject.post([alert("A"), alert("B é", k8s_ns_name="pay"), alert("A", k8s_ns_name="pay")]) == (204, None)
    assert asked(subject) == ["A", "B é", "A"]  # the newest first
    assert asked(subject, "?rule=A") == ["A", "A"]
    assert asked(subject, "?rule=" + quote("B é")) == ["B é"]
    assert asked(subject, "?namespace=pay") == ["A", "B é"]
    assert asked(subject, "?namespace=pay&rule=A") == ["A"]
    assert asked(subject, "?control=ids") == ["A", "B é", "A"]
    assert asked(subject, "?control=waf") == []
    assert asked(subject, "?rule=a") == []
    assert asked(subject, "?rule=&since=") == ["A", "B é", "A"]


def test_only_the_newest_are_kept(subject: Receiver) -> None:
    assert subject.post([alert(f"R{number}") for number in range(5)]) == (204, None)
    assert asked(subject) == ["R4", "R3", "R2"]


def test_a_parameter_that_does_not_exist_is_refused(subject: Receiver) -> None:
    status, _, body = subject.get("/api/v1/events?namspace=pay")
    assert status == 400
    assert "'namspace'; there are rule, namespace, control, since, before" in json.loads(body)["error"]


def pages(recent: Recent, query: Mapping[str, str]) -> list[list[int]]:
    """The numbers of the events on each page, until there is no next one."""
    view, found = EventsView(recent, FakeClock()), []
    before: int | str | None = ""
    while before is not None:
        body = json.loads(view({**query, "before": str(before)}).body)
        found.append([event["n"] for event in body["events"]])
        before = body["next"]
        assert len(found) < 100
    return found


def recent_of(texts: Iterable[bytes], keep: int = 10_000) -> Recent:
    recent = Recent()
    recent.resize(keep, 1 << 30)
    for text in texts:
        recent.add(Record(0.0, text))
    return recent


@pytest.mark.parametrize("count", [0, 1, PAGE_EVENTS - 1, PAGE_EVENTS, PAGE_EVENTS + 1, 5 * PAGE_EVENTS])
@pytest.mark.parametrize("size", [20, 3000, 2 * PAGE_BYTES])
def test_an_answer_is_bounded_and_its_next_ones_have_the_rest(count: int, size: int) -> None:
    count = min(count, 10 if size > PAGE_BYTES else count)
    recent = recent_of(b'{"n": %d, "rule": "%b"}' % (number, b"x" * size) for number in range(count))
    found = pages(recent, {})
    assert [number for page in found for number in page] == list(range(count - 1, -1, -1))
    assert all(len(page) <= PAGE_EVENTS for page in found)
    assert all(len(page) * size <= PAGE_BYTES for page in found if len(page) > 1)


def test_a_query_that_finds_little_still_looks_at_no_more_than_a_page() -> None:
    recent = recent_of(b'{"n": %d, "rule": "%d"}' % (number, number % 1000) for number in range(3 * PAGE_EVENTS))
    assert pages(recent, {"rule": "7"}) == [[1007], [], [7]]


def test_events_that_come_meanwhile_shift_no_page() -> None:
    recent = recent_of((b'{"n": %d}' % number for number in range(2 * PAGE_EVENTS)), keep=2 * PAGE_EVENTS)
    view = EventsView(recent, FakeClock())
    first = json.loads(view({}).body)
    for number in range(100):
        recent.add(Record(0.0, b'{"n": %d}' % (10_000 + number)))
    second = json.loads(view({"before": str(first["next"])}).body)
    assert [event["n"] for event in second["events"]] == list(range(PAGE_EVENTS - 1, 99, -1))
    assert second["next"] is None


@pytest.mark.parametrize("before", ["x", "-1", "1.5", "²", "9" * 5000])
def test_a_before_that_no_answer_gave_is_refused(before: str) -> None:
    answer = EventsView(recent_of([b'{"n": 1}']), FakeClock())({"before": before})
    assert answer.status == 400
    assert "next" in json.loads(answer.body)["error"]


NOW = 1_900_000_000.0  # 2030-03-17T17:46:40Z
AGES = {"now": 0.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


def view() -> EventsView:
    recent = Recent()
    recent.resize(10, 1 << 20)
    for rule, age in reversed(AGES.items()):
        recent.add(Record(NOW - age, json.dumps({"rule": rule}).encode()))
    return EventsView(recent, FakeClock(NOW))


@pytest.mark.parametrize(
    ("since", "found"),
    [
        ("15m", 2),
        ("90s", 2),
        ("1h30m", 3),
        ("2d", 4),
        ("1899999000", 2),
        ("1899999000.5", 2),
        ("0", 4),
        ("2030-03-17T17:40:00Z", 2),
        ("2030-03-17T17:40:00.123456Z", 2),
        ("2030-03-17 17:40:00Z", 2),
        ("2030-03-17T18:40:00+01:00", 2),
        ("2030-03-17T18:40:00 01:00", 2),  # a plus sign as forms decode it
        ("2030-03-17T17:40:00", 2),
        ("2030-03-17", 3),
        ("0001-01-01", 4),
        ("2040-01-01T00:00:00Z", 0),
    ],
)
def test_since_takes_durations_times_and_unix_times(since: str, found: int) -> None:
    answer = view()({"since": since})
    assert answer.status == 200
    assert [event["rule"] for event in json.loads(answer.body)["events"]] == list(AGES)[:found]


@pytest.mark.parametrize("since", ["yesterday", "m", "-5m", "nan", "inf", "1e999", "2030-13-01", "15 m", " ", "٣m"])
def test_a_since_that_is_no_time_names_the_forms(since: str) -> None:
    answer = view()({"since": since})
    assert answer.status == 400
    error = json.loads(answer.body)["error"]
    assert all(form in error for form in ("15m", "RFC 3339", "Unix time"))


def lines_of(count: int, **fields: str) -> list[bytes]:
    body = json.dumps(alert(**fields)).encode()
    return [
        line(time.time(), "ids", event, {})
        for _ in range(count)
        for event in parse(body, 1)
        if not isinstance(event, Rejected)
    ]


def test_a_kept_line_costs_what_it_holds() -> None:
    """orjson gives back a buffer of several KiB for a line of a few hundred bytes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = lines_of(500)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 1.5 * sum(map(len, kept))


def test_recent_events_are_bounded_in_bytes_too() -> None:
    recent = Recent()
    texts = lines_of(100)
    recent.resize(1000, 10 * len(texts[0]) + 1)
    for text in texts:
        recent.add(Record(0.0, text))
    assert len(list(recent)) == 10
    recent.resize(1000, 0)
    assert list(recent) == []


def test_a_line_is_bounded_whatever_is_in_the_event() -> None:
    names = ("proc.cmdline", "proc.name", "user.name", "fd.name", "container.name", "container.image.tag")
    fields = dict.fromkeys(names, "\U0001f600" * 100_000)
    body = json.dumps({"rule": "r" * 9000, "output": "o" * 100_000, "output_fields": fields}).encode()
    (event,) = parse(body, 1)
    assert not isinstance(event, Rejected)
    text = line(time.time(), "ids", event, {"suppressed": "x" * 50_000})
    assert len(text) <= MAX_LINE
    assert json.loads(text)["command_line"].endswith("…")
