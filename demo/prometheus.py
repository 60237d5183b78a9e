"""A real Prometheus, and what it knows as typed values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from demo.servers import HOST, Server, free_port


@dataclass(frozen=True)
class Series:
    """A series that a query returned, with its samples as (Unix time, value), oldest first."""

    labels: dict[str, str]
    samples: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest sample's value."""
        return self.samples[-1][1]


@dataclass(frozen=True)
class Alert:
    """An alert that Prometheus holds; `state` is pending or firing, `active_at` is RFC 3339."""

    labels: dict[str, str]
    annotations: dict[str, str]
    state: str
    active_at: str


class Prometheus(Server):
    """A Prometheus; `config` is its configuration file's text. One made later with the same folder has the old data.

    `resend` is how soon an alert is sent again, in Prometheus' notation; also those that fired, or ended, while it did
    not know of any Alertmanager: for some seconds after its start and after each reload.
    """

    def __init__(self, program: Path, config: str, folder: Path, resend: str = "1m") -> None:
        port = free_port()
        file = folder / "prometheus.yml"
        file.write_text(config)
        self.data = folder / "prometheus"
        command = [
            str(program),
            f"--config.file={file}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.external-url=http://{HOST}:{port}",
            f"--rules.alert.resend-delay={resend}",
        ]
        super().__init__("prometheus", command, folder, port, "/-/ready")

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """An instant query, at a Unix time or now; a range selector such as `up[5m]` gives the samples as stored."""
        time = {} if at is None else {"time": at}
        return self._series("query", {"query": expression, **time})

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """A range query; times and step in seconds."""
        return self._series("query_range", {"query": expression, "start": start, "end": end, "step": step})

    def alerts(self) -> list[Alert]:
        """The alerts that are pending or firing now."""
        found = self.get("/api/v1/alerts")["data"]["alerts"]
        return [Alert(alert["labels"], alert["annotations"], alert["state"], alert["activeAt"]) for alert in found]

    def alertmanagers(self) -> list[str]:
        """The URLs to which alerts are sent by now."""
        return [found["url"] for found in self.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]]

    def _series(self, endpoint: str, parameters: dict[str, Any]) -> list[Series]:
        data = self.get(f"/api/v1/{endpoint}?{urlencode(parameters)}")["data"]
        if data["resultType"] == "scalar":
            return [Series({}, (_sample(data["result"]),))]
        return [Series(one["metric"], _samples(one)) for one in data["result"]]


def _samples(series: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    return tuple(_sample(pair) for pair in series.get("values") or [series["value"]])


def _sample(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
