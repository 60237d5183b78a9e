"""Alerts in envelopes are taken out of them; what is made for others is refused with the output that fits."""

import json

import pytest

from exporter.sources import Rejected
from exporter.sources.falco import parse
from exporter.sources.falco_events import FalcoAlert

ALERT = {"rule": "R", "priority": "Critical", "output_fields": {"k8s.ns.name": "shop"}}
ENVELOPES = {
    "CloudEvents": {
        "specversion": "1.0",
        "id": "1",
        "source": "falco.org",
        "type": "falco.rule.output.v1",
        "data": ALERT,
    },
    "a line as text": {"date": 1893553445.6, "stream": "stdout", "log": json.dumps(ALERT)},
    "a line as text, its end kept": {"log": json.dumps(ALERT) + "\n"},
    "a parsed line": {"@timestamp": "2030-01-02T03:04:05Z", "log": ALERT},
    "a message": {"message": json.dumps(ALERT), "kubernetes": {"namespace_name": "falco"}},
}
NO_ALERTS = [
    {"specversion": "1.0", "data": "text"},
    {"data": ALERT},
    {"log": "Falco version: 0.44.1"},
    {"log": '{"rule":'},
    {"log": json.dumps({"level": "info"})},
    {"log": '{"a":' * 100 + "1" + "}" * 100},
    {"log": None, "message": 7},
    {"embeds": []},
]


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_alert_is_taken_out_of_its_envelope(name: str) -> None:
    [found] = parse(json.dumps(ENVELOPES[name]).encode(), 10)

    assert isinstance(found, FalcoAlert)
    assert found[:3] == ("R", "critical", "syscall")
    assert found.k8s_ns_name == "shop"


@pytest.mark.parametrize("value", NO_ALERTS, ids=json.dumps)
def test_an_envelope_without_an_alert_is_none(value: object) -> None:
    [found] = parse(json.dumps(value).encode(), 10)

    assert isinstance(found, Rejected)
    assert found.reason == "not_an_alert"


def test_an_alert_with_a_shippers_timestamp_is_an_alert() -> None:
    """Only together with falcosidekick's uuid is it a document for Elasticsearch."""
    stamps: list[dict[str, object]] = [
        {"@timestamp": "2030-01-02T03:04:05Z"}, {"uuid": "1"}, {"attachments": []}, {"streams": []},
    ]  # fmt: skip
    for stamp in stamps:
        [found] = parse(json.dumps(ALERT | stamp).encode(), 10)
        assert isinstance(found, FalcoAlert)


def test_a_wafs_audit_record_is_shown_its_place() -> None:
    [found] = parse(b'{"transaction":{"client_ip":"192.0.2.7"}}', 10)
    assert found == Rejected("not_an_alert", "this is an audit record of a WAF: POST it to /waf")
