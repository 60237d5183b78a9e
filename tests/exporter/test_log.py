"""A standard error that nobody reads stops nothing."""

import logging
import os
import subprocess
from pathlib import Path

import pytest

from demo.servers import free_port, receive, request, wait_for
from exporter import log
from tests.support.receiver import PATIENCE, ROOT


def test_a_stuck_stream_drops_lines_and_says_so_once_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_WAITING", 10)
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream, os.fdopen(read) as reader:
        handler = log.ThreadHandler(stream)
        for number in range(2000):
            handler.emit(logging.makeLogRecord({"msg": f"{number} " + "x" * 1000}))
        lines = [reader.readline()]
        while not any("were dropped" in line for line in lines):
            handler.emit(logging.makeLogRecord({"msg": "one more"}))  # a line to read for each that was read
            lines.append(reader.readline())
        lines.append(reader.readline())
        handler.close()
    assert any(line.startswith("0 ") for line in lines[:2])


def test_events_are_taken_while_nobody_reads_standard_error(tmp_path: Path) -> None:
    intake, show = free_port(), free_port()
    command = receive({"events": {"log": False}}, tmp_path / "c.yaml", intake, show)
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(write, True)
    process = subprocess.Popen(command, stderr=write, cwd=ROOT)
    try:

        def taken() -> bool:
            try:
                return request(intake, "POST", "/falco", b'{"rule":"a"}')[0] == 204
            except OSError:
                return False

        assert wait_for(taken, PATIENCE)
        assert request(intake, "POST", "/falco", b"no JSON")[0] == 400
        process.terminate()
        assert wait_for(lambda: request(show, "GET", "/readyz")[0] == 503, PATIENCE)
    finally:
        process.kill()
        process.wait(PATIENCE)
        os.close(read)
        os.close(write)
