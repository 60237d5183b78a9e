"""One slow, hanging or hostile client never delays another, and every refusal is counted."""

import contextlib
import json
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.servers import wait_for
from tests.support.load import (
    connections,
    meanwhile,
    processor_time,
    raw_request,
    resident,
    slow,
    typical,
    work_before_answers,
)
from tests.support.receiver import PATIENCE, Receiver, alert, receiver

QUIET = {"events": {"log": False}}

TYPICAL = 0.02
"""Seconds of work that a receiver under attack may do for others before it answers, on the median."""

SLOW = 0.1
"""The same for the slowest answer in ten."""


def assert_others_are_served(subject: Receiver) -> None:
    during = work_before_answers(subject, 100)
    assert typical(during) < TYPICAL
    assert slow(during) < SLOW


def rejected(subject: Receiver, reason: str) -> float:
    return subject.value("threat_events_rejected_total", reason=reason)


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Receiver]:
    with receiver(tmp_path, intake={"head_timeout": "1500ms", "body_timeout": "1500ms"}, **QUIET) as running:
        yield running


@pytest.mark.parametrize(
    "whole", [b"POST /falco HTTP/1.1\r\nX-Slow: " + b"x" * 4000, raw_request()], ids=["head", "body"]
)
def test_clients_that_drip_delay_nobody_and_are_cut_off_in_time(whole: bytes, subject: Receiver) -> None:
    start = len(raw_request()) - 600 if whole == raw_request() else 20
    with connections(subject, 300) as dripping:
        for one in dripping:
            one.sendall(whole[:start])
        position = start

        def drip() -> None:
            nonlocal position
            for one in dripping:
                with contextlib.suppress(OSError):
                    one.sendall(whole[position : position + 1])
            position += 1
            time.sleep(0.05)

        with meanwhile(drip):
            assert_others_are_served(subject)
            assert wait_for(lambda: rejected(subject, "timeout") == 300, PATIENCE)


def test_clients_that_connect_and_say_nothing_do_not_keep_the_places_of_senders(tmp_path: Path) -> None:
    limits = {"max_connections": 50, "head_timeout": "1s"}
    with receiver(tmp_path, intake=limits, **QUIET) as subject, connections(subject, 60) as silent:
        assert wait_for(lambda: rejected(subject, "evicted") == 60 - 25, PATIENCE)
        assert subject.post(alert())[0] == 204
        assert silent[0].recv(1) == b""


def test_a_flood_of_connections_is_counted_and_delays_no_connection_that_is_there(tmp_path: Path) -> None:
    limits = {"max_connections": 100, "head_timeout": "1s"}
    with receiver(tmp_path, intake=limits, **QUIET) as subject:
        with subject.connect() as kept:
            kept.sendall(raw_request())
            assert kept.recv(65536).startswith(b"HTTP/1.1 204 ")
            attempts = 0

            def flood() -> None:
                nonlocal attempts
                with connections(subject, 150):
                    attempts += 150
                    time.sleep(0.02)

            times = []
            with meanwhile(flood):
                for _ in range(200):
                    start = processor_time(subject)
                    kept.sendall(raw_request())
                    assert kept.recv(65536).startswith(b"HTTP/1.1 204 ")
                    times.append(processor_time(subject) - start)
                    time.sleep(0.002)
            assert typical(times) < TYPICAL
        assert wait_for(lambda: subject.request("POST", "/falco", b"x")[0] == 400, PATIENCE)
        assert 0 < rejected(subject, "evicted") <= attempts


def test_two_thousand_idle_connections_are_normal_even_where_the_soft_limit_of_files_is_low(tmp_path: Path) -> None:
    """One per Falco node, each of which sends now and then; resident memory stays small."""
    count = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        reason = f"this machine allows no process more than {hard} files"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        context = receiver(tmp_path, intake={"head_timeout": "60s"}, **QUIET)
        subject = context.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
    try:
        memory = resident(subject)
        with connections(subject, count) as nodes:
            for _ in range(2):
                for node in nodes:
                    node.sendall(raw_request())
                for node in nodes:
                    assert node.recv(65536).startswith(b"HTTP/1.1 204 ")
            assert_others_are_served(subject)
            assert resident(subject) - memory < count * 30_000
            assert subject.value("threat_events_accepted_total", control="ids") == 2 * count + 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        context.__exit__(None, None, None)


def hostile(subject: Receiver, data: bytes) -> None:
    """Sends bytes and does not read what comes."""
    with contextlib.suppress(OSError), subject.connect() as one:
        one.sendall(data)
        one.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01" * 1000,
        raw_request(b"[" * 500_000),
        raw_request(b'{"rule":"' + b"\\ud800" * 50_000),
        raw_request(b'{"a":' * 100_000),
        b"POST /falco HTTP/1.1\r\n" + b"X: y\r\n" * 10_000,
        b"POST /falco HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50_000,
        raw_request(b"x") * 300,
        raw_request(b"\n".join([b"{}"] * 300)),
    ],
    ids=["garbage", "deep", "surrogates", "nested", "many headers", "many chunks", "pipelined", "bad batch"],
)
def test_a_client_that_sends_what_is_dear_to_refuse_delays_nobody(data: bytes, subject: Receiver) -> None:

    def attack() -> None:
        hostile(subject, data)
        time.sleep(0.05)

    with meanwhile(attack):
        assert_others_are_served(subject)
    assert "Traceback" not in subject.log.read_text()


def test_a_body_of_ten_thousand_events_delays_nobody(subject: Receiver) -> None:
    body = b'{"rule":"a"}\n' * 10_000
    start = processor_time(subject)
    assert subject.post(body) == (204, None)
    took = processor_time(subject) - start

    def post() -> None:
        assert subject.post(body) == (204, None)

    with meanwhile(post):
        during = work_before_answers(subject, 100)

    assert slow(during) < took / 2


def test_a_scraper_that_does_not_read_delays_nobody(subject: Receiver) -> None:
    for first in range(0, 3000, 500):
        rules = [json.dumps(alert(f"Rule {number}")) for number in range(first, first + 500)]
        assert subject.post("\n".join(rules).encode())[0] == 204
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            one = stack.enter_context(subject.connect(show=True))
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n\r\n" * 3)
        assert_others_are_served(subject)
