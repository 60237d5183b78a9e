"""A cluster of real Alertmanagers on loopback, with what sends to it and what people do in it."""

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.servers import HOST, START_SECONDS, Server, ServerError, free_port, wait_for

CONFIG = """\
route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules: [{source_matchers: [role="source"], target_matchers: [role="target"], equal: [namespace]}]
"""

AGAIN = 0.5
"""Seconds after which an alert that goes on is sent again."""


class Member(Server):
    """One Alertmanager; what it stores is there after a restart."""

    def __init__(self, program: Path, folder: Path, gossip: int, peer: int | None, *more: str) -> None:
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "alertmanager.yml"
        file.write_text(CONFIG)
        command = [
            str(program),
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.external-url=http://{HOST}:{port}",
            f"--cluster.listen-address={HOST}:{gossip}",
            "--cluster.settle-timeout=1s",
            *([f"--cluster.peer={HOST}:{peer}"] if peer else []),
            *more,
        ]
        super().__init__("alertmanager", command, folder, port, "/-/ready")
        self._plain = not more  # its page of readiness may be behind TLS and a password

    def _wait_until_ready(self) -> None:
        def listens() -> bool:
            self.check()
            with socket.socket() as probe:
                return probe.connect_ex((HOST, self.port)) == 0

        if self._plain:
            super()._wait_until_ready()
        elif not wait_for(listens, START_SECONDS):
            raise ServerError(self, "it does not listen")

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """A request to the API; what it answers, as JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def ports(number: int) -> list[int]:
    """Ports that are free for TCP and UDP, all different."""
    found: list[int] = []
    while len(found) < number:
        port = free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


class Sender:
    """Prometheus: tells every member that answers what fires, again and again, and once what is over."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self._firing: dict[str, tuple[dict[str, str], datetime]] = {}
        self._over: list[tuple[dict[str, str], datetime, datetime]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def fire(self, name: str, /, **labels: str) -> float:
        """An alert begins; when, as a Unix time."""
        start = datetime.now(UTC)
        found = {"alertname": name, "severity": "critical", "control": "ids", "namespace": "shop", **labels}
        with self._lock:
            self._firing[name] = (found, start)
        return start.timestamp()

    def resolve(self, name: str) -> float:
        """It ends; when, as a Unix time."""
        end = datetime.now(UTC)
        with self._lock:
            self._over.append((*self._firing.pop(name), end))
        return end.timestamp()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(AGAIN):
            with self._lock:
                firing, over, self._over = list(self._firing.values()), self._over, []
            until = datetime.now(UTC) + timedelta(seconds=20)
            alerts = [_alert(labels, start, until) for labels, start in firing]
            alerts += [_alert(*one) for one in over]
            for member in self._members if alerts else ():
                try:
                    member.ask("alerts", alerts)
                except (OSError, urllib.error.URLError):
                    continue  # it is down


def _alert(labels: Mapping[str, str], start: datetime, end: datetime) -> dict[str, Any]:
    return {"labels": labels, "startsAt": start.isoformat(), "endsAt": end.isoformat()}


def silence(
    member: Member,
    comment: str,
    *,
    edited: str = "",
    minutes: float = 15,
    ahead: float = 0,
    **matchers: str,
) -> str:
    """Somebody makes a silence, or edits one; its id."""
    start = datetime.now(UTC) + timedelta(seconds=ahead)
    body = {
        **({"id": edited} if edited else {}),
        "matchers": [
            {"name": name, "value": value.removeprefix("~"), "isRegex": value.startswith("~"), "isEqual": True}
            for name, value in matchers.items()
        ],
        "startsAt": start.isoformat(),
        "endsAt": (start + timedelta(minutes=minutes)).isoformat(),
        "createdBy": "on call",
        "comment": comment,
    }
    made: str = member.ask("silences", body)["silenceID"]
    return made


def expire(member: Member, which: str) -> None:
    """Somebody ends a silence."""
    member.ask(f"silence/{which}", method="DELETE")


def began(member: Member, which: str) -> float:
    """When a silence began, as a Unix time."""
    return datetime.fromisoformat(member.ask(f"silence/{which}")["startsAt"]).timestamp()
