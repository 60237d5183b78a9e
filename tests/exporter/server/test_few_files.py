"""Where the process may have fewer files open than connections are allowed, those that go are told and counted."""

import resource
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.exporter.server.test_tls import PAIR, Files, post
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


@pytest.mark.timeout(60)
def test_few_files_shut_no_honest_sender_out_of_a_port_with_tls(tmp_path: Path) -> None:
    files = Files(tmp_path)
    context = files.client()
    with receiver(tmp_path, events={"log": False}, intake={"tls": PAIR}) as running, ExitStack() as held:
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (128, 128))
        while "may have 128 files open" not in running.log.read_text():
            running.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
        for _ in range(10):
            for _ in range(10):
                held.enter_context(socket.create_connection(("127.0.0.1", running.intake)))
            assert post(running, context) == 204
        assert running.value("threat_events_rejected_total", reason="evicted") >= 80
