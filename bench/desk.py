"""What it costs `threatboard watch` to look at an Alertmanager in a large incident."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import subject
from bench.table import Row, at_most
from demo import tools
from demo.alertmanager import Alertmanager
from demo.servers import HOST, request

ALERTS = 2_000
SILENCES = 500

INTERVAL = 1.0
LOOKS = 40
"""How many are measured. They come more often than at the default interval, to which the cost is brought down."""

DEFAULT_INTERVAL = 15.0

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


def incident(folder: Path) -> list[Row]:
    """Memory, and the part of a core at the default interval, with so many firing alerts and silences."""
    program = tools.find("alertmanager")
    if program is None:
        return []  # `python -m demo.tools alertmanager` gets it
    with Alertmanager(program, CONFIG, folder) as server:
        now = datetime.now(UTC)
        _post(server.port, "alerts", [_alert(number, now) for number in range(ALERTS)])
        for number in range(SILENCES):
            _post(server.port, "silences", _silence(number, now))
        state = folder / "state"
        state.mkdir()
        about = {"urls": [server.url], "interval": f"{INTERVAL:g}s", "state_dir": str(state)}
        with subject.watch(folder, cluster={"enabled": False}, alertmanager=about) as watching:
            time.sleep(5 * INTERVAL)  # the first looks take everything in
            before, begun = watching.cpu(), time.monotonic()
            time.sleep(LOOKS * INTERVAL)
            spent = (watching.cpu() - before) / ((time.monotonic() - begun) / INTERVAL)
            held = watching.resident() / 1e6
            behind = f"{ALERTS:,} alerts, {SILENCES} silences; {spent * 1000:.0f} ms a look"
    return [
        Row("watch in an incident: memory", held, "MB", at_most(100), behind),
        Row("watch in an incident: of a core", 100 * spent / DEFAULT_INTERVAL, "%", at_most(5), behind),
    ]


def _alert(number: int, now: datetime) -> dict[str, Any]:
    labels = {
        "alertname": f"IdsAlert{number % 20}",
        "severity": "critical",
        "control": "ids",
        "cluster": "prod",
        "namespace": f"team-{number % 100}",
        "workload": f"web-{number}",
        "pod": f"web-{number}-7b9f6d5c44-x2x9q",
    }
    text = "Something that people read on a page and in a message, as long as ours are. " * 3
    return {
        "labels": labels,
        "annotations": {"summary": text, "description": text, "runbook_url": "https://docs.example/page.md"},
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }


def _silence(number: int, now: datetime) -> dict[str, Any]:
    """Every second one has a pattern."""
    matchers = [
        {"name": "alertname", "value": f"IdsAlert{number % 20}", "isRegex": False},
        {"name": "namespace", "value": f"team-{number % 100}|other-.*", "isRegex": True}
        if number % 2
        else {"name": "pod", "value": f"web-{number}-7b9f6d5c44-x2x9q", "isRegex": False},
    ]
    ends = (now + timedelta(hours=1)).isoformat()
    return {
        "matchers": matchers,
        "startsAt": now.isoformat(),
        "endsAt": ends,
        "createdBy": "bench",
        "comment": ("ACK", "FP: known", "TP: real")[number % 3],
    }


def _post(port: int, what: str, content: object) -> None:
    headers = {"Content-Type": "application/json"}
    status, body = request(port, "POST", f"/api/v2/{what}", json.dumps(content).encode(), headers)
    if status != 200:
        raise RuntimeError(f"{HOST}:{port} answered {status}: {body.decode()}")
