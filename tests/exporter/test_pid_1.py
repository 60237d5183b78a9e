"""As the first process of a container, for which a signal that nobody handles does nothing, it ends when asked to."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.servers import wait_for
from tests.support.receiver import PATIENCE, ROOT


@pytest.fixture
def unshare() -> str:
    """The program that makes a process PID 1, for which signals do nothing unless they are handled."""
    found = shutil.which("unshare")
    if found is None or os.geteuid() != 0:
        reason = "only root can start a process as PID 1, with unshare"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def first_process(unshare: str, config: Path, log: Path) -> Iterator[Callable[[int], None]]:
    """Runs the receiver as PID 1; yields what asks it to end and expects an exit code."""
    command = [unshare, "--pid", "--fork", "--kill-child", sys.executable]
    with log.open("wb") as stderr:
        outer = subprocess.Popen(
            [*command, "-m", "exporter", "receive", "--config", str(config)], stderr=stderr, cwd=ROOT
        )
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    try:
        assert wait_for(lambda: bool(children.read_text()), PATIENCE, every=0.01)
        inner = int(children.read_text())

        def end(expected: int) -> None:
            os.kill(inner, signal.SIGTERM)
            assert outer.wait(PATIENCE) == expected

        yield end
    finally:
        outer.kill()
        outer.wait(PATIENCE)


def test_as_pid_1_it_drains_and_ends_with_0(unshare: str, tmp_path: Path) -> None:
    config, log = tmp_path / "threatboard.yaml", tmp_path / "log"
    config.write_text(
        "intake: {listen: '127.0.0.1:0', drain: 0s}\n"
        "metrics: {listen: '127.0.0.1:0', final_scrape_timeout: 0s}\n"
        "events: {log: false}\n"
    )
    with first_process(unshare, config, log) as end:
        assert wait_for(lambda: "events are taken" in log.read_text(), PATIENCE)
        end(0)
    assert "drained" in log.read_text()


def test_as_pid_1_it_ends_when_asked_to_while_it_starts(unshare: str, tmp_path: Path) -> None:
    config = tmp_path / "threatboard.yaml"
    os.mkfifo(config)  # so that it starts for ever
    with first_process(unshare, config, tmp_path / "log") as end:

        def is_being_read() -> bool:
            try:
                writing.append(os.open(config, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                return False
            return True

        writing: list[int] = []
        assert wait_for(is_being_read, PATIENCE, every=0.02)
        try:
            end(128 + signal.SIGTERM)
        finally:
            os.close(writing[0])
