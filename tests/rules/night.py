"""A night on a real Prometheus and Alertmanager, ten times quicker: the rules' durations and the waits are a tenth."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from demo import shipped
from demo.prometheus import Prometheus

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _tenth(duration: str) -> str:
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))
    return f"{max(seconds * 1000 // shipped.QUICKER, 1)}ms"


def quicker(rules: str) -> str:
    """Rules in which every range, step, offset and wait is a tenth."""
    words = re.compile(r"(?<=[\[:])(?:\d+[smhd])+(?=[\]:])|(?<=offset )(?:\d+[smhd])+|(?<=for: )(?:\d+[smhd])+(?=\n)")
    return words.sub(lambda found: _tenth(found[0]), rules)


class Metrics:
    """A target whose numbers the story sets: `values` is name with labels -> number, `rates` what a second adds."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values
        self.rates: dict[str, float] = {}
        self._stop = threading.Event()
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = "".join(f"{name} {value}\n" for name, value in list(metrics.values.items()))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        threading.Thread(target=self._grow, daemon=True).start()

    def _grow(self) -> None:
        while not self._stop.wait(0.5):
            for name, rate in list(self.rates.items()):
                self.values[name] += rate / 2

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()


class QuickPrometheus(Prometheus):
    """A Prometheus that forgets a series that is not scraped ten times sooner as well."""

    def __init__(self, program: Path, config: str, folder: Path) -> None:
        super().__init__(program, config, folder, resend="1s")
        self._command = [*self._command, "--query.lookback-delta=30s"]
