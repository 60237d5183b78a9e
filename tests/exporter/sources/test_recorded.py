"""What a real Falco 0.44.1 and a real falcosidekick 2.34 sent, byte for byte, and what it must become.

Recorded from a Falco built from source with its own rules, the k8saudit plugin, a container capture and each option of
its HTTP output; the pods' names are invented.
"""

import csv
from pathlib import Path

import pytest

from exporter.sources import Rejected
from exporter.sources.falco import FalcoEvent, parse
from exporter.sources.falco_events import DropMessage, FalcoAlert, InternalMessage, MetricsSnapshot

SAMPLES = Path(__file__).parents[2] / "samples"
RECORDED = sorted((SAMPLES / "recorded").iterdir())

with (SAMPLES / "recorded.csv").open(encoding="utf-8", newline="") as file:
    ALERTS = {name: tuple(labels) for name, *labels in list(csv.reader(file))[1:]}
"""File -> the labels of `threat_falco_alerts_total` that it must give."""

_FALCO, _SIDEKICK = "falco-0.44.1", "falcosidekick-2.34.1dev"
_SIDEKICK_MESSAGES: dict[str, FalcoEvent] = {
    "Test_rule": InternalMessage("falcosidekick", 1795581249.0, "Test rule", "This is a test from falcosidekick"),
    "event_drop": DropMessage("node-1", 1795581005.678901, 12),
    "metrics_snapshot": MetricsSnapshot("node-1", 1795581005.678901, "syscall", 123456, 7),
}
MESSAGES: dict[str, FalcoEvent] = {
    f"{_FALCO}-internal-Falco_internal_metrics_snapshot_k8s_audit.json": MetricsSnapshot(
        "node-b", 1795581719.646147, "k8s_audit", None, None
    ),
    f"{_FALCO}-internal-Falco_internal_metrics_snapshot_syscall.json": MetricsSnapshot(
        "node-b", 1795581714.121019, "syscall", None, None
    ),
    f"{_FALCO}-internal-drops-Falco_internal_metrics_snapshot_syscall.json": MetricsSnapshot(
        "node-drop", 1795582597.843363, "syscall", None, None
    ),
    f"{_FALCO}-internal-drops-Falco_internal_syscall_event_drop.json": DropMessage("node-drop", 1795582598.847362, 1),
    **{
        f"{_SIDEKICK}-{output}-{name}.json": event
        for output in ("webhook", "cloudevents")
        for name, event in _SIDEKICK_MESSAGES.items()
    },
}
REFUSED = {
    f"{_FALCO}-options-text.txt": ("not_json", "json_output: true"),
    **{
        f"{_SIDEKICK}-{output.lower()}-SK_alert.json": ("not_an_alert", f"for {output}: use its webhook output")
        for output in ("Alertmanager", "Elasticsearch", "Loki", "Slack")
    },
}


def test_every_recording_is_expected() -> None:
    """Guards the tables: a recording without a row would prove nothing."""
    assert sorted([*ALERTS, *MESSAGES, *REFUSED]) == [path.name for path in RECORDED]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_a_recording_becomes_what_it_is(path: Path) -> None:
    [found] = parse(path.read_bytes(), 10)

    if isinstance(found, FalcoAlert):
        assert found[:8] == ALERTS[path.name]
    elif isinstance(found, Rejected):
        reason, words = REFUSED[path.name]
        assert found.reason == reason
        assert words in found.message
    else:
        assert found == MESSAGES[path.name]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_a_recording_is_the_same_in_a_batch(path: Path) -> None:
    """As log shippers send it: the same event between two others."""
    alone = parse(path.read_bytes(), 10)
    neighbour = b'{"rule":"a"}'

    before, *found, after = parse(b"\n".join([neighbour, path.read_bytes(), neighbour]), 10)

    assert isinstance(before, FalcoAlert)
    assert isinstance(after, FalcoAlert)
    assert [labels(one) for one in found] == [labels(one) for one in alone]


def labels(event: FalcoEvent | Rejected) -> object:
    """What is compared of an event; of a refusal only the reason, because a batch is read more patiently."""
    if isinstance(event, FalcoAlert):
        return event[:8]
    return event.reason if isinstance(event, Rejected) else event
