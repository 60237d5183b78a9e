"""A real Alertmanager, and the alerts that it holds as typed values."""

from dataclasses import dataclass
from pathlib import Path

from demo.servers import HOST, Server, free_port


@dataclass(frozen=True)
class HeldAlert:
    """A firing alert as Alertmanager holds it; `kept_back_by` are the names of the alerts that inhibit it."""

    labels: dict[str, str]
    kept_back_by: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its alertname."""
        return self.labels["alertname"]


class Alertmanager(Server):
    """An Alertmanager without peers; `config` is its configuration file's text."""

    def __init__(self, program: Path, config: str, folder: Path) -> None:
        port = free_port()
        file = folder / "alertmanager.yml"
        file.write_text(config)
        command = [
            str(program),
            f"--config.file={file}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.external-url=http://{HOST}:{port}",
            "--cluster.listen-address=",
        ]
        super().__init__("alertmanager", command, folder, port, "/-/ready")

    def alerts(self) -> list[HeldAlert]:
        """The alerts that fire, also those that nobody is told of."""
        found = self.get("/api/v2/alerts")
        names = {alert["fingerprint"]: alert["labels"]["alertname"] for alert in found}
        return [
            HeldAlert(alert["labels"], tuple(names.get(by, by) for by in alert["status"]["inhibitedBy"]))
            for alert in found
        ]
