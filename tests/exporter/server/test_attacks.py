"""What a hostile client can make the receiver hold: each attack with thousands of connections, and honest posts beside.

`THREATBOARD_ATTACK=30` makes each last that many seconds instead of three.
"""

import contextlib
import gzip
import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.attacker import ATTACKS, HEAD, Attack
from tests.exporter.server.test_tls import PAIR, Files, post
from tests.support.load import meanwhile, raw_request, resident
from tests.support.receiver import PATIENCE, alert, receiver

SECONDS = float(os.environ.get("THREATBOARD_ATTACK", "3"))

MOST_MEMORY = 150_000_000

MOST_TAKEN_OVER_TLS = 70_000_000
"""Bytes; a few hundred connections are enough to see what one may hold."""

ALL_ATTACKS = {**ATTACKS, "nothing": Attack(6000, b"", b"")}


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 8000:
        pytest.fail("this machine allows no process 8000 files; raise the hard limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 8000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("name", ALL_ATTACKS)
def test_no_attack_takes_the_memory_or_keeps_others_out(name: str, tmp_path: Path, many_files: None) -> None:
    attack = ALL_ATTACKS[name]
    with receiver(tmp_path, events={"log": False}) as subject, contextlib.ExitStack() as stack:
        attackers: list[socket.socket] = []
        for _ in range(attack.connections):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", subject.intake)))
            one.setblocking(False)
            attackers.append(one)
            with contextlib.suppress(OSError):
                one.send(attack.first)

        def send() -> None:
            for one in attackers:
                with contextlib.suppress(OSError):
                    one.send(attack.then)
            time.sleep(0.005)

        most = 0
        with meanwhile(send):
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                assert subject.post(alert())[0] == 204
                assert subject.get("/healthz")[0] == 200
                most = max(most, resident(subject))
        assert most < MOST_MEMORY
        assert "Traceback" not in subject.log.read_text()


class Encrypted:
    """A connection with TLS whose bytes can be cut anywhere: what is sent is encrypted here, and nothing is read."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(incoming, self._outgoing, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(self._outgoing.read())
                incoming.write(self.socket.recv(65536))
        self.socket.sendall(self._outgoing.read())
        self.socket.setblocking(False)

    def encrypt(self, data: bytes) -> bytes:
        """What these bytes are on the wire."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        return self._outgoing.read()

    def send(self, data: bytes) -> None:
        """Sends what the receiver takes of it."""
        with contextlib.suppress(OSError):
            self.socket.send(data)


QUEUED = gzip.compress(b"\n".join([b'{"rule":"a"}'] * 5000))
LARGE = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(QUEUED) + QUEUED

TLS_ATTACKS = {
    "input behind a body that waits": Attack(300, LARGE, b"x" * 60_000),
    "answers that nobody reads": Attack(150, b"", b"GET /nothing HTTP/1.1\r\n\r\n" * 500),
    "half a record": Attack(1000, raw_request(), b""),
}


@pytest.mark.parametrize("name", TLS_ATTACKS)
def test_no_attack_over_tls_takes_the_memory_or_keeps_others_out(name: str, tmp_path: Path, many_files: None) -> None:
    """The budgets are of bytes that are held, encrypted or not."""
    attack, files = TLS_ATTACKS[name], Files(tmp_path)
    context = files.client()
    tls = {key: str(tmp_path / file) for key, file in PAIR.items()}
    with receiver(tmp_path, events={"log": False}, intake={"tls": tls}) as subject, contextlib.ExitStack() as stack:
        base, attackers = resident(subject), []
        for _ in range(attack.connections):
            one = Encrypted(subject.intake, context)
            stack.callback(one.socket.close)
            attackers.append(one)
            one.send(one.encrypt(attack.first))
            if not attack.then:
                one.send(one.encrypt(b"x" * 16_000)[:15_000])

        def send() -> None:
            for one in attackers:
                if attack.then:
                    one.send(one.encrypt(attack.then))
            time.sleep(0.005)

        most = 0
        with meanwhile(send):
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                assert post(subject, context) == 204
                assert subject.get("/healthz")[0] == 200
                most = max(most, resident(subject))
        assert most < base + MOST_TAKEN_OVER_TLS
        assert "Traceback" not in subject.log.read_text()
