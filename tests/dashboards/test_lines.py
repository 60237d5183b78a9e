"""Event lines in Loki: the query reads keys that the exporter writes, and does not take Loki's own labels for them.

There is no Loki here: its grammar is the documented one (stream selector, then stages), as far as the query uses it.
`docs/boards.md` says with which Loki's own parser the query was run over event lines.
"""

import json
import re
from pathlib import Path

from dashboards.queries.investigate import FIELDS
from exporter.sources import falco
from exporter.sources.falco_events import FalcoAlert
from tests.dashboards.grafana import BOARDS
from tests.support.receiver import alert

SAMPLES = Path(__file__).parent.parent / "samples" / "falco"
STAGES = {
    "selector": r'\{container="threatboard"\}',
    "line filter": r"\|= `[^`]*`",
    "json": r'\| json \w+="\w+"(?:, \w+="\w+")*',
    "label filter": r'\| \w+=~"[^"]*"',
    "line_format": r"\| line_format `[^`]*`",
}
STREAM = {"namespace", "pod", "container", "node_name", "job", "app", "instance", "stream", "service_name", "cluster"}
"""Labels that collectors give to a stream: a key of that name would be read as `<name>_extracted`."""


def _query() -> str:
    (panel,) = [panel for panel in BOARDS["investigate"]["panels"] if panel["type"] == "logs"]
    return str(panel["targets"][0]["expr"])


def _written() -> set[str]:
    """Keys that describe any of the sample alerts, and one of a connection."""
    keys: set[str] = set()
    bodies = [path.read_bytes() for path in SAMPLES.glob("*.json")]
    for body in (*bodies, json.dumps(alert(fd_name="10.0.0.1:40000->203.0.113.66:443")).encode()):
        for event in falco.parse(body, 100):
            if isinstance(event, FalcoAlert):
                keys |= {key for key, value in event.describe().items() if value}
    return keys


def test_the_query_is_a_selector_and_stages_of_loki() -> None:
    rest = _query()
    for stage in ("selector", "line filter", "line filter", "json", *["label filter"] * 4, "line_format"):
        match = re.match(STAGES[stage] + r"\s*", rest)
        assert match, (stage, rest)
        rest = rest[match.end() :]
    assert rest == ""


def test_the_keys_that_are_read_are_those_that_the_exporter_writes() -> None:
    assert set(FIELDS) <= _written()
    read = dict(re.findall(r'(\w+)="(\w+)"', _query().split("| json ")[1].split(" | ")[0]))
    assert set(read.values()) == set(FIELDS)
    assert set(read) & STREAM == set()
    used = set(re.findall(r"\.(event_\w+)", _query())) | set(re.findall(r"\| (event_\w+)=~", _query()))
    assert used <= set(read)


def test_the_lines_are_those_of_what_is_chosen() -> None:
    for name in ("namespace", "workload", "pod", "rule"):
        assert f'event_{name}=~"${name}"' in _query()


def test_a_line_shows_who_did_what() -> None:
    shown = _query().split("line_format")[1]
    assert all(f"event_{name}" in shown for name in ("user", "command_line", "file", "connection"))
