"""A real Alertmanager with the shipped configuration and a stand-in for Slack, on loopback, with shortened waits."""

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from rules.tree import ROOT


class Slack:
    """Keeps what was posted: `messages` are (channel, attachment)."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                messages.append((body["channel"], body["attachments"][0]))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/T/B/x"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, count: int, seconds: float = 15) -> list[tuple[str, dict[str, Any]]]:
        """All messages, as soon as there are `count`, and what else comes in the two seconds after."""
        end = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(2)
        return list(self.messages)


def shortened(text: str, webhook: Path) -> str:
    """The shipped configuration with waits of a second, the webhook's file, and the template beside it."""
    config = yaml.safe_load(text)
    config["global"]["slack_api_url_file"] = str(webhook)
    config["templates"] = [str(ROOT / "slack.tmpl")]
    routes = [config["route"]]
    while routes:
        route = routes.pop()
        routes += route.get("routes", [])
        for key in ("group_wait", "group_interval"):
            if route.get(key) not in (None, "0s"):
                route[key] = "1s"
    return yaml.safe_dump(config)


class Alertmanager:
    """Takes alerts as Prometheus sends them."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, *alerts: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts",
            json.dumps(alerts).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=5).close()

    def loud(self) -> list[dict[str, str]]:
        """Labels of the alerts that fire and are kept back by none."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?inhibited=false", timeout=5) as answer:
            return [found["labels"] for found in json.load(answer)]


def alert(name: str, severity: str, control: str, labels: dict[str, str], over: bool = False) -> dict[str, Any]:
    """An alert that begins now and goes on, or is over now; an older one would not be given its group_wait."""
    now = datetime.now(UTC)
    return {
        "labels": {"alertname": name, "severity": severity, "control": control, **labels},
        "annotations": {
            "summary": f"Summary of {name}.",
            "description": f"Description of {name}.",
            "runbook_url": f"https://docs.example/{name}.md",
            "dashboard_url": "https://grafana.example/d/threatboard-ids?var-namespace=x",
        },
        "startsAt": (now - timedelta(seconds=1) if over else now).isoformat(),
        "endsAt": (now if over else now + timedelta(hours=1)).isoformat(),
        "generatorURL": "https://prometheus.example/graph",
    }


@contextmanager
def running(program: Path, folder: Path, slack: Slack) -> Iterator[Alertmanager]:
    webhook, config = folder / "webhook", folder / "alertmanager.yml"
    webhook.write_text(slack.url, encoding="utf-8")
    config.write_text(shortened((ROOT / "alertmanager.yml").read_text(encoding="utf-8"), webhook), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [
        program,
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--web.external-url={url}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _ready(url, folder / "log")
            yield Alertmanager(url)
        finally:
            process.terminate()
            process.wait(10)


def _ready(url: str, log: Path) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))
