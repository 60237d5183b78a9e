"""As the first process of a container, for which a signal that nobody handles does nothing, it ends when asked to."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
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
def first_process(
    unshare: str, config: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Callable[[int], None]]:
    """Runs the receiver as PID 1; yields what asks it to end and expects an exit code."""
    command = [unshare, "--pid", "--fork", "--kill-child", sys.executable]
    with log.open("wb") as stderr:
        whole = [*command, "-m", "exporter", "receive", "--config", str(config)]
        outer = subprocess.Popen(whole, stderr=stderr, cwd=ROOT, env=environment)
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
    config, starting = tmp_path / "threatboard.yaml", tmp_path / "starting"
    config.touch()
    # Imported when signals are already handled, and it starts for ever.
    slow = f"import pathlib, time\npathlib.Path({str(starting)!r}).touch()\ntime.sleep(1000)\n"
    (tmp_path / "uvloop.py").write_text(slow)
    with first_process(unshare, config, tmp_path / "log", os.environ | {"PYTHONPATH": str(tmp_path)}) as end:
        assert wait_for(starting.exists, PATIENCE, every=0.02)
        end(128 + signal.SIGTERM)
