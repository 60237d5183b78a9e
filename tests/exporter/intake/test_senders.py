"""Senders as they are: what they sent is posted to a real receiver, and the page is compared with what was due."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalog import METRICS
from tests.support.receiver import Receiver, alert, receiver

SAMPLES = Path(__file__).parents[2] / "samples"
ALERTS = "threat_falco_alerts_total"
LABELS = METRICS[ALERTS].labels
FALCOSIDEKICK = {"User-Agent": "Falcosidekick", "Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Receiver]:
    with receiver(tmp_path, events={"log": False}) as running:
        yield running


def counted(subject: Receiver) -> Counter[tuple[str, ...]]:
    """Label values of every alert on the page -> how many."""
    found: Counter[tuple[str, ...]] = Counter()
    for family in text_string_to_metric_families(subject.get("/metrics")[2].decode()):
        for sample in family.samples:
            if sample.name == ALERTS and sample.value:
                found[tuple(sample.labels[label] for label in LABELS)] = int(sample.value)
    return found


def test_all_that_was_recorded_is_on_the_page(subject: Receiver) -> None:
    with (SAMPLES / "recorded.csv").open(encoding="utf-8", newline="") as file:
        due = Counter(tuple(labels) for _, *labels in list(csv.reader(file))[1:])
    bodies = [path.read_bytes() for path in sorted((SAMPLES / "recorded").iterdir())]

    answers = Counter(subject.post(body)[0] for body in bodies)

    assert counted(subject) == due
    assert answers == {204: len(bodies) - 5, 400: 5}
    assert subject.value("threat_events_accepted_total", control="ids") == len(bodies) - 5
    assert subject.value("threat_events_rejected_total", control="ids", reason="not_an_alert") == 4
    assert subject.value("threat_events_rejected_total", control="ids", reason="not_json") == 1
    assert subject.value("threat_falco_drop_messages_total") == 3
    assert subject.value("threat_falco_syscall_drops_total", hostname="node-1", source="syscall") == 7


def test_falcosidekick_with_webhook_and_cloudevents_counts_twice(subject: Receiver) -> None:
    """Both outputs are complete, and nothing tells one alert that is sent twice from two alerts."""
    for output in ("webhook", "cloudevents"):
        body = (SAMPLES / "recorded" / f"falcosidekick-2.34.1dev-{output}-SK_alert.json").read_bytes()
        assert subject.post(body, "/", FALCOSIDEKICK) == (204, None)

    assert list(counted(subject).values()) == [2]


@pytest.mark.parametrize("path", ["/api/v1/alerts", "/loki/api/v1/push", "/falco-2026.11.25/_doc", "/services/T0/B0"])
def test_falcosidekicks_other_outputs_are_told_of_its_webhook(subject: Receiver, path: str) -> None:
    status, answer = subject.post(b"{}", path, FALCOSIDEKICK)

    assert status == 404
    assert answer["error"].endswith("POST to one of /falco, /, /waf (falcosidekick: use its webhook output)")
    assert "falcosidekick" not in subject.post(b"{}", path)[1]["error"]


def test_an_alert_whose_fields_cannot_be_read_is_counted_and_told(subject: Receiver) -> None:
    """A critical alert pages even so, and nobody wonders why it has no namespace."""
    body = alert("Shipped badly", "Critical") | {"output_fields": ["k8s.ns.name=shop"]}

    status, answer = subject.post(body)

    assert status == 200
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert "without namespace, pod and workload" in answer["errors"][0]
    assert subject.value(ALERTS, rule="Shipped badly", priority="critical", k8s_ns_name="") == 1
    assert subject.value("threat_events_rejected_total", control="ids", reason="bad_fields") == 1
    page = subject.get("/", {"Host": "localhost"})[2].decode()
    assert "output_fields that cannot be read; the alert was counted without them" in page
    assert "refused (bad_fields) from 127.0.0.1: the alert was counted, but" in subject.log.read_text()
