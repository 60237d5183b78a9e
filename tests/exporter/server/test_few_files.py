"""Where the process may have fewer files open than connections are allowed, those that go are told and counted."""

import resource
import signal
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from exporter.config import Config
from exporter.config.kinds import Address
from exporter.server.budget import Inflight, Turns
from exporter.server.listener import Listener
from tests.support.receiver import alert, receiver


@pytest.mark.timeout(60)
def test_few_files_cut_no_connection_without_a_word(tmp_path: Path) -> None:
    with receiver(tmp_path, events={"log": False}) as running, ExitStack() as held:
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (128, 128))
        while "may have 128 files open, and takes 16 connections at each port" not in running.log.read_text():
            running.process.send_signal(signal.SIGHUP)  # the first may come before anybody listens
            time.sleep(0.2)
        for _ in range(30):
            for _ in range(10):
                held.enter_context(socket.create_connection(("127.0.0.1", running.intake)))
            assert running.post(alert("honest"))[0] == 204
        assert running.value("threat_falco_alerts_total", rule="honest") == 30
        assert running.value("threat_events_rejected_total", reason="evicted") >= 250
        assert "refused (evicted)" in running.log.read_text()


class Told:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def refused(self, reason: str, sentence: str, *_: object) -> None:
        assert "Too many open files" in sentence
        self.reasons.append(reason)


def test_a_port_with_tls_that_cannot_accept_counts_that_and_logs_no_line_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns()
    listener = Listener("x", Address("127.0.0.1", 0), Config().intake, Inflight(1 << 20, turns), turns)
    told = listener.application = Told()  # type: ignore[assignment]

    class Full:
        def accept(self) -> None:
            raise OSError(24, "Too many open files")

        def fileno(self) -> int:
            return 1

    class Loop:
        def remove_reader(self, _: object) -> None: ...
        def call_later(self, *_: object) -> None: ...

    listener.close()
    monkeypatch.setattr(listener, "_socket", Full())
    listener.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listener._accept(Loop())  # type: ignore[arg-type]
    assert told.reasons == ["too_many_connections"]


@pytest.mark.timeout(60)
def test_handshakes_that_are_ended_at_once_keep_no_file_open(tmp_path: Path) -> None:
    """Those accepted in one go, of which the later take the places of the earlier before these have begun."""
    authority = trustme.CA()
    pair = authority.issue_cert("localhost")
    pair.private_key_pem.write_to_path(tmp_path / "key.pem")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    tls = {"cert_file": "cert.pem", "key_file": "key.pem"}
    with receiver(tmp_path, intake={"tls": tls, "max_connections": 2}, events={"log": False}) as running:
        files = Path(f"/proc/{running.process.pid}/fd")
        before = len(list(files.iterdir()))
        with ExitStack() as held:
            running.process.send_signal(signal.SIGSTOP)
            for _ in range(60):
                held.enter_context(socket.create_connection(("127.0.0.1", running.intake)))
            running.process.send_signal(signal.SIGCONT)
            while running.value("threat_events_rejected_total", reason="evicted") < 59:
                time.sleep(0.05)
        while len(list(files.iterdir())) > before + 2:
            time.sleep(0.05)
