"""The servers under measurement, each a process of its own, and what the kernel says that it used."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.servers import HOST, ROOT, free_port, receive, request, wait_for

PATIENCE = 30.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server. `intake` takes alerts on `path`; `show` has the pages, 0 where there are none."""

    pid: int
    intake: int
    path: str
    show: int = 0

    def cpu(self) -> float:
        """CPU seconds used so far, of all threads, in the program and in the kernel for it."""
        # What clock_getcpuclockid(3) gives for a process; to the nanosecond, where /proc/PID/stat has ticks of 10 ms.
        return time.clock_gettime(~self.pid << 3 | 2)

    def waited(self) -> float:
        """Seconds for which it could have run and had no core."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9

    def resident(self) -> float:
        """Bytes of memory in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE_BYTES


@contextmanager
def threatboard(folder: Path, **sections: Mapping[str, Any]) -> Iterator[Subject]:
    """`threatboard receive` with these sections of the configuration; its event lines go into a pipe that is read."""
    intake, show = free_port(), free_port()
    # Connections are opened before the first measurement, and some wait long for their turn.
    intake_section = {**sections.get("intake", {}), "head_timeout": "1h"}
    config = {**sections, "intake": intake_section, "series": {"max_bytes": "1GiB", **sections.get("series", {})}}
    command = receive(config, folder / f"{intake}.yml", intake, show)
    reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S607
    assert reader.stdin is not None
    with reader, _process(command, reader.stdin.fileno()) as pid:
        reader.stdin.close()
        _await(show, "/readyz")
        yield Subject(pid, intake, "/falco", show)


@contextmanager
def watch(folder: Path, **sections: Mapping[str, Any]) -> Iterator[Subject]:
    """`threatboard watch` with these sections of the configuration."""
    show = free_port()
    file = folder / f"{show}.yml"
    file.write_text(json.dumps({**sections, "metrics": {"listen": f"{HOST}:{show}"}}))
    with _process([sys.executable, "-m", "exporter", "watch", "--config", str(file)], subprocess.DEVNULL) as pid:
        _await(show, "/readyz")
        yield Subject(pid, 0, "", show)


@contextmanager
def limit() -> Iterator[Subject]:
    """The least that a server can do with an alert (`bench/limit.py`)."""
    with _module("bench.limit") as subject:
        yield subject


@contextmanager
def labels_inc() -> Iterator[Subject]:
    """prometheus_client behind threatboard's listener (`bench/labels_inc.py`)."""
    with _module("bench.labels_inc") as subject:
        yield subject


def has_falcosidekick() -> bool:
    """Is there a falcosidekick to measure?"""
    return shutil.which("falcosidekick") is not None


@contextmanager
def falcosidekick() -> Iterator[Subject]:
    """falcosidekick from the PATH, without outputs."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "LISTENADDRESS": HOST, "LISTENPORT": str(port)}
    with _process(["falcosidekick"], subprocess.DEVNULL, environment) as pid:
        _await(port, "/ping")
        yield Subject(pid, port, "/", port)


@contextmanager
def _module(name: str) -> Iterator[Subject]:
    port = free_port()
    with _process([sys.executable, "-m", name, str(port)], subprocess.DEVNULL) as pid:
        _await(port, "/")
        yield Subject(pid, port, "/")


@contextmanager
def _process(command: Sequence[str], out: int, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(  # noqa: S603  # programs that we chose
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)


def _await(port: int, path: str) -> None:
    """Waits until the server answers; any answer will do but for `/readyz`, which says so."""

    def ready() -> bool:
        try:
            return request(port, "GET", path)[0] == 200 or path != "/readyz"
        except OSError:
            return False

    if not wait_for(ready, PATIENCE, every=0.005):
        raise TimeoutError(f"the server on port {port} was not ready after {PATIENCE:g} seconds")
