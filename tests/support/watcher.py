"""A real `threatboard watch` in a process of its own, on a free port of this machine."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.catalog import Metric

ROOT = Path(__file__).parents[2]

PATIENCE = 30.0

KNOWN = "the cluster is known"


class Watcher:
    """A running watcher: its port, its log, and what it shows."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, config: Path) -> None:
        self.process = process
        self.log = log
        self.config = config
        self.port = int(self.wait_for_log(r"metrics are shown on port (\d+)")[1])

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        """Waits until a line of the log matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.log.read_text()):
                return match
            assert self.process.poll() is None, f"the watcher ended: {self.log.read_text()}"
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in the log:\n{self.log.read_text()}")

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """A page: its status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def series(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The samples of a metric: labels in alphabetical order -> value."""
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
            if sample.name == name
        }

    def shows_only(self, metrics: Mapping[str, Metric]) -> None:
        """Asserts that its page has these metrics as the catalog says, and besides them only those of the process."""
        page = self.get("/metrics")[1]
        described = dict(re.findall(r"^# HELP (\S+) (.*)$", page, re.MULTILINE))
        ours = {name: text for name, text in described.items() if not name.startswith("process_")}
        assert ours == {name: metric.help for name, metric in metrics.items()}
        kinds = dict(re.findall(r"^# TYPE (\S+) (.*)$", page, re.MULTILINE))
        assert {name: kinds[name] for name in metrics} == {name: metric.kind for name, metric in metrics.items()}
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                metric = metrics.get(sample.name) or metrics.get(re.sub("_(bucket|sum|count)$", "", sample.name))
                if metric is None:
                    assert sample.name.startswith("process_")
                    continue
                assert sample.labels.keys() - {"le"} == set(metric.labels), sample
                for label, values in metric.closed.items():
                    assert sample.labels[label] in values, sample

    def configure(self, **sections: Mapping[str, object]) -> None:
        """Writes the configuration, with a free port of 127.0.0.1 unless it says otherwise."""
        listen = {"listen": "127.0.0.1:0", **sections.get("metrics", {})}
        self.config.write_text(json.dumps({**sections, "metrics": listen}))

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def watcher(folder: Path, /, environment: Mapping[str, str] | None = None, **sections: Any) -> Iterator[Watcher]:
    """Starts a watcher with these sections of the configuration; ends it in any case."""
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "watch.yaml", folder / "watch.log"
    listen = {"listen": "127.0.0.1:0", **sections.get("metrics", {})}
    config.write_text(json.dumps({**sections, "metrics": listen}))
    command = [sys.executable, "-m", "exporter", "watch", "--config", str(config)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, cwd=ROOT, env=environment)
    try:
        yield Watcher(process, log, config)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
