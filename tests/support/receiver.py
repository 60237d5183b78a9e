"""A real `threatboard receive` in a process of its own, on free ports of this machine."""

import http.client
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from demo.servers import receive

ROOT = Path(__file__).parents[2]

PATIENCE = 20.0
"""Seconds after which something that should happen soon has failed."""


def alert(rule: str = "Terminal shell in container", priority: str = "Notice", **fields: object) -> dict[str, Any]:
    """An alert as Falco writes it; keyword arguments are output_fields with `_` for `.`."""
    return {
        "hostname": "node-1",
        "output": f"12:00:00.000000000: {priority} something happened",
        "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "web-0"}
        | {name.replace("_", "."): value for name, value in fields.items()},
        "priority": priority,
        "rule": rule,
        "source": "syscall",
        "tags": ["mitre_execution"],
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()),
    }


class Receiver:
    """A running receiver: its ports, and how to speak with it."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, config: Path) -> None:
        self.process = process
        self.log = log
        self.config = config
        line = self.wait_for_log(r"events are taken on port (\d+), metrics are shown on port (\d+)")
        self.intake, self.show = int(line[1]), int(line[2])

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        """Waits until a line of the log matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.log.read_text()):
                return match
            assert self.process.poll() is None, f"the receiver ended: {self.log.read_text()}"
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in the log:\n{self.log.read_text()}")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        show: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own; status, headers in lower case, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.show if show else self.intake, timeout=PATIENCE)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def post(self, body: object, path: str = "/falco", headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Posts bytes, or anything else as JSON; the status and the answer's JSON (None without a body)."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, text = self.request("POST", path, data, headers)
        return status, json.loads(text) if text else None

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Reads a page of the show listener."""
        return self.request("GET", path, None, headers, show=True)

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics")[2].decode())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def connect(self, *, show: bool = False) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.show if show else self.intake), timeout=PATIENCE)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def receiver(folder: Path, /, stdout: Any = subprocess.DEVNULL, **sections: Mapping[str, object]) -> Iterator[Receiver]:
    """Starts a receiver with these sections of the configuration over free local ports; ends it in any case."""
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "threatboard.yaml", folder / "log"
    at_once = {"intake": {"drain": "0s"}, "metrics": {"final_scrape_timeout": "0s"}}
    command = receive({**sections, **{name: {**at_once[name], **sections.get(name, {})} for name in at_once}}, config)
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, cwd=ROOT)
    try:
        yield Receiver(process, log, config)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def read_answer(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)
