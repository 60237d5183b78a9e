"""Senders for tests under load: what is done before they have an answer, and many connections at once."""

import http.client
import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.receiver import Receiver, alert

BODY = json.dumps(alert()).encode()


def processor_time(subject: Receiver) -> float:
    """Seconds of processor time that the receiver has used, whatever else runs on this machine."""
    return time.clock_gettime(~subject.process.pid << 3 | 2)  # clock_getcpuclockid(3), as Linux makes it of a pid


def work_before_answers(subject: Receiver, count: int, pause: float = 0.002) -> list[float]:
    """Seconds of processor time that the receiver used before each of so many alerts was answered 204.

    On one kept-open connection. What it did for others while a client waits is work, and no time of a busy machine's.
    """
    connection = http.client.HTTPConnection("127.0.0.1", subject.intake, timeout=20)
    times = []
    try:
        for _ in range(count):
            start = processor_time(subject)
            connection.request("POST", "/falco", BODY)
            response = connection.getresponse()
            response.read()
            times.append(processor_time(subject) - start)
            assert response.status == 204
            time.sleep(pause)
    finally:
        connection.close()
    return times


def typical(times: list[float]) -> float:
    return statistics.median(times)


def slow(times: list[float]) -> float:
    """What nine of ten answers stay under."""
    return statistics.quantiles(times, n=10)[-1]


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Repeats an act in a thread until the block ends; an error of it is one of the test."""
    ended = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            while not ended.is_set():
                act()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)
    assert not errors, errors


def raw_request(body: bytes = BODY) -> bytes:
    return b"POST /falco HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@contextmanager
def connections(subject: Receiver, count: int) -> Iterator[list[socket.socket]]:
    """Opens so many connections to the intake."""
    opened: list[socket.socket] = []
    try:
        opened.extend(subject.connect() for _ in range(count))
        yield opened
    finally:
        for one in opened:
            one.close()


def resident(subject: Receiver) -> int:
    """Bytes of memory that the process holds."""
    with open(f"/proc/{subject.process.pid}/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096
