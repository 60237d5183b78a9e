"""The senders: kept-open raw sockets, requests made beforehand, one request under way on each, as Falco sends."""

import gc
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice

from bench.subject import Subject
from demo.servers import HOST

CONNECTIONS = 32
"""Nodes that send at the same time."""

IDLE = 0.08
"""Seconds in which a server that has work shows it; ours gathers event lines for 0.05."""

_ANSWER = 4096


def requests(subject: Subject, bodies: Iterable[bytes]) -> list[bytes]:
    """The requests on the wire, with the headers that Falco's libcurl sends."""
    head = (
        f"POST {subject.path} HTTP/1.1\r\nHost: {HOST}:{subject.intake}\r\nUser-Agent: falcosecurity/falco\r\n"
        "Accept: */*\r\nContent-Type: application/json\r\nContent-Length: "
    ).encode()
    return [b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in bodies]


@contextmanager
def connections(subject: Subject, count: int = CONNECTIONS) -> Iterator[list[socket.socket]]:
    """Open connections to a server."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection((HOST, subject.intake), 30)) for _ in range(count)]
        for one in opened:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield opened


def send(sockets: Sequence[socket.socket], wanted: Iterable[bytes]) -> int:
    """Sends each request and reads its answer, on all connections at once; the number sent."""
    iterator = iter(wanted)
    sent = 0
    while requests := list(islice(iterator, len(sockets))):
        used = sockets[: len(requests)]
        for one, request in zip(used, requests, strict=True):
            one.sendall(request)
        # The last first: when its answer is there, so are most, and each answer that wakes us is charged to the server.
        for one in reversed(used):
            _check(one.recv(_ANSWER))
        sent += len(requests)
    return sent


def cost(subject: Subject, sockets: Sequence[socket.socket], wanted: Iterable[bytes]) -> float:
    """CPU seconds that the server uses for each request, until it is idle again."""
    before = idle_cpu(subject)
    sent = send(sockets, wanted)
    return (idle_cpu(subject) - before) / sent


def idle_cpu(subject: Subject) -> float:
    """CPU seconds used so far, once there is nothing left to do: what is written after the answer counts."""
    used = subject.cpu()
    while True:
        time.sleep(IDLE)
        before, used = used, subject.cpu()
        if used - before < IDLE / 100:
            return used


def answer_times(sockets: Sequence[socket.socket], wanted: Sequence[bytes], rate: float, seconds: float) -> list[float]:
    """Seconds from when a request is due, at `rate` a second, until its answer is there; a sender that waits counts."""
    free = deque(sockets)
    due_at: dict[socket.socket, float] = {}
    waiting: deque[float] = deque()
    times: list[float] = []
    gc.disable()  # a pause of ours would look like one of the server
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        began = time.perf_counter()
        due = 0
        while len(times) < rate * seconds:
            now = time.perf_counter()
            while due < rate * seconds and began + due / rate <= now:
                waiting.append(now)
                due += 1
            while waiting and free:
                one = free.popleft()
                due_at[one] = waiting.popleft()
                one.sendall(wanted[len(times) % len(wanted)])
            for key, _ in selector.select(0.0005):
                one = key.fileobj  # type: ignore[assignment]
                _check(one.recv(_ANSWER))
                times.append(time.perf_counter() - due_at.pop(one))
                free.append(one)
    gc.enable()
    return times


def _check(answer: bytes) -> None:
    if not answer.startswith((b"HTTP/1.1 204", b"HTTP/1.1 200")):
        raise ConnectionError(f"the server answered {answer[:200]!r}")
