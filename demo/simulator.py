"""The simulated cluster's exporters on 127.0.0.1: each target of the tables at its path, as Prometheus scrapes it."""

import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from demo.series import Phase, Target, Timeline, exposition
from demo.servers import HOST


class Simulator:
    """Shows the targets while it is entered; what they show follows the timeline, to which phases can be added."""

    def __init__(self, targets: Sequence[Target], timeline: Timeline) -> None:
        self.targets = tuple(targets)
        self.timeline = timeline
        self._server = _Pages(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.address = f"{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin(self, phase: Phase) -> None:
        """From now on this phase of the attack goes on."""
        self.timeline = self.timeline.begin(phase, time.time())

    def scrape_configs(self, interval: str) -> list[dict[str, Any]]:
        """A scrape configuration for each target."""
        return [target.scrape_config(self.address, interval) for target in self.targets]


class _Pages(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, simulator: Simulator) -> None:
        super().__init__((HOST, 0), _Page)
        self.simulator = simulator

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a Prometheus that ends in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Page(BaseHTTPRequestHandler):
    server: _Pages

    def do_GET(self) -> None:
        simulator = self.server.simulator
        for target in simulator.targets:
            if target.path == self.path:
                return self._answer(200, exposition(target, simulator.timeline, time.time()))
        return self._answer(404, "no such target\n")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: the demo's terminal is for the story."""
