"""What holds of every kind of sender (`tests/support/senders.py`): samples, any value, any bytes, hostile bodies."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import catalog
from exporter.app import SOURCES
from exporter.catalog import FINDINGS, LABELS, METRICS, REJECT_REASONS
from exporter.config import Config
from exporter.events import MAX_LINE
from exporter.intake.drill import Marks
from exporter.pages.status import StatusPage
from exporter.server.http import Headers
from exporter.sources import Rejected, Repeat
from tests.support.clock import FakeClock
from tests.support.insides import Insides
from tests.support.senders import SENDERS

bounded = settings(max_examples=60)
CONTROLS = sorted(SENDERS)
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def assert_usable(exporter: Insides) -> None:
    """Labels are clean and closed where they must be, lines are clean and not long, and the page can be read."""
    exporter.assert_readable()
    findings = FINDINGS[exporter.route.source.control]
    for name in (findings.counted, findings.suppressed):
        for sample in exporter.metrics.store.families[name].samples():
            for label, value in zip(METRICS[name].labels, sample.labels, strict=True):
                assert not UNSAFE.search(value), (label, value)
                assert len(value.encode()) <= catalog.MAX_LABEL_BYTES
                closed = LABELS[label].values
                assert not closed or value in ("", catalog.OTHER, *closed), (label, value)
    for record in exporter.recent:
        assert record.line()["received"]
        assert len(record.text) <= MAX_LINE
        assert not UNSAFE.search(record.text.decode())


def test_every_source_has_a_row_samples_and_a_place_on_the_status_page() -> None:
    routes = {source.control: source for _, make in SOURCES for source in [make(Config(), Marks()).source]}
    assert set(routes) == set(SENDERS) == set(FINDINGS) == set(catalog.PUSHED)
    for control, sender in SENDERS.items():
        assert len(sender.samples) > 10
        assert sender.hint in routes[control].hint
        findings = FINDINGS[control]
        labels = METRICS[findings.counted].labels
        assert {findings.rule, findings.severity, "k8s_ns_name", "workload"} <= set(labels)
        assert METRICS[findings.suppressed].labels == (findings.rule, "reason")
        assert LABELS[findings.severity].values == catalog.PRIORITIES


@pytest.mark.parametrize("control", CONTROLS)
def test_every_sample_is_taken_and_what_is_counted_is_what_its_line_says(control: str) -> None:
    findings = FINDINGS[control]
    for sample in SENDERS[control].samples:
        exporter = Insides(SENDERS[control])
        assert exporter.post(sample.read_bytes(), []) == 204, sample
        assert_usable(exporter)
        [record] = exporter.recent
        line: dict[str, Any] = record.line()
        counted = [one for one in exporter.metrics.store.families[findings.counted].samples() if one.value]
        for one in counted:
            labels = dict(zip(METRICS[findings.counted].labels, one.labels, strict=True))
            told = {"rule": labels[findings.rule], findings.severity: labels[findings.severity]}
            told |= {"namespace": labels["k8s_ns_name"], "workload": labels["workload"]}
            assert {key: line.get(key, "") for key in told} == told


@pytest.mark.parametrize("control", CONTROLS)
def test_text_gets_the_sentence_that_helps_its_sender(control: str) -> None:
    route = SENDERS[control].route()
    [refused] = route.source.parse(b"plain text", 10)
    assert isinstance(refused, Rejected)
    assert SENDERS[control].hint in refused.message


@pytest.mark.parametrize("control", CONTROLS)
@bounded
@given(data=st.data(), ascii_only=st.booleans())
def test_any_value_in_every_place_is_an_event_or_a_counted_rejection(
    control: str, data: st.DataObject, ascii_only: bool
) -> None:
    sender = SENDERS[control]
    values = data.draw(st.lists(sender.objects, max_size=3))
    exporter = Insides(sender)
    body = json.dumps(values, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert exporter.post(body, []) in (200, 204, 400)
    assert_usable(exporter)
    for found in exporter.route.source.parse(body, 50):
        if isinstance(found, Rejected):
            assert found.reason in REJECT_REASONS
        elif not isinstance(found, Repeat):
            assert found.time is None or 0 < found.time < 1e12
    accepted = exporter.metrics.values("threat_events_accepted_total")[(control,)]
    rejected = sum(exporter.metrics.values("threat_events_rejected_total").values())
    assert accepted + rejected >= max(1, len(values))
    assert exporter.metrics.values("threat_events_rejected_total")[(control, "internal")] == 0


PIECES = [
    b'{"transaction":',
    b'{"rule":',
    b'"x"',
    b"}",
    b"{",
    b"[",
    b"]",
    b",",
    b"\n",
    b'"',
    b"\\u",
    b"d800",
    b"1e9",
    b"\xff",
    b"AuditLog:",
]


@pytest.mark.parametrize("control", CONTROLS)
@bounded
@given(
    body=st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    headers=st.sampled_from([[], [(b"content-encoding", b"gzip")], [(b"content-encoding", b"\xff")]]),
)
def test_any_bytes_are_events_or_a_rejection(control: str, body: bytes, headers: Headers) -> None:
    exporter = Insides(SENDERS[control])
    assert exporter.post(body, headers) in (200, 204, 400, 413, 415)
    assert_usable(exporter)
    assert exporter.metrics.values("threat_events_rejected_total")[(control, "internal")] == 0


@pytest.mark.parametrize("control", CONTROLS)
@bounded
@given(data=st.data(), place=st.integers(0, 5), broken=st.sampled_from([b"{", b'{"rule":"x', b"{]}", b"text"]))
def test_one_broken_line_among_good_ones_changes_none_of_them(
    control: str, data: st.DataObject, place: int, broken: bytes
) -> None:
    sender = SENDERS[control]
    lines = [json.dumps(value).encode() for value in data.draw(st.lists(sender.objects, min_size=1, max_size=5))]
    parse = sender.route().source.parse
    place = min(place, len(lines))
    before = sum(len(parse(line, 50)) for line in lines[:place])
    alone = sum(len(parse(line, 50)) for line in lines)
    found = list(parse(b"\n".join([*lines[:place], broken, *lines[place:]]), 50))
    assert len(found) == alone + 1
    refused = found[before]
    assert isinstance(refused, Rejected)
    assert refused.reason == "not_json"


@pytest.mark.parametrize("control", CONTROLS)
def test_a_sample_with_any_of_its_values_exchanged_is_taken_or_refused(control: str) -> None:
    """Each text, number and object in a real body, one at a time, by something of another type."""

    def changed(value: Any, put: Any) -> list[Any]:
        found = [put]
        if isinstance(value, dict):
            found += [value | {key: new} for key in value for new in changed(value[key], put)]
        elif isinstance(value, list):
            found += [
                [*value[:at], new, *value[at + 1 :]]
                for at in range(min(2, len(value)))
                for new in changed(value[at], put)
            ]
        return found

    exporter = Insides(SENDERS[control])
    for sample in SENDERS[control].samples[:: max(1, len(SENDERS[control].samples) // 6)]:
        whole = orjson.loads(sample.read_bytes().decode("utf-8", "replace"))
        put: Any
        for put in (None, [], {}, 5, -1.5e300, True, "\ud800\x00\u202e" * 200, [{}], {"a": [[]]}):
            for value in changed(whole, put):
                assert exporter.post(json.dumps([value]).encode(), []) in (200, 204, 400)
    assert_usable(exporter)
    assert exporter.metrics.values("threat_events_rejected_total")[(control, "internal")] == 0


@pytest.mark.parametrize("control", CONTROLS)
def test_a_hostile_body_costs_no_more_than_its_length(control: str) -> None:
    """Each would take minutes if some step went over it again and again."""
    parse = SENDERS[control].route().source.parse
    pieces = (
        b"AuditLog:",
        b"AuditLog:{",
        b"{",
        b"}",
        b'{"log":"AuditLog:{',
        b'[file "',
        b'{"transaction":{"a":',
        b"\\",
    )
    for piece in pieces:
        assert parse(piece * (1_000_000 // len(piece)), 10_000)
    error = '[file "a"] [line "1"] [id "' * 9000
    for text in (error, '"' * 250_000, "\\" * 250_000, '[tag "a"] ' * 25_000, " found within ARGS:a" * 12_000):
        message = {"error_message": text, "data": {"id": 942100, "data": text}}
        record = {"transaction": {"id": "x", "request": {"uri": text}}, "messages": [message]}
        for event in parse(json.dumps(record).encode(), 10):
            if not isinstance(event, Rejected | Repeat):
                assert len(orjson.dumps(event.describe())) < MAX_LINE


@pytest.mark.parametrize("control", CONTROLS)
def test_the_status_page_shows_what_was_found_and_what_was_suppressed(control: str) -> None:
    exporter = Insides(SENDERS[control])
    assert exporter.post(SENDERS[control].samples[-1].read_bytes(), []) == 204
    [record] = exporter.recent
    rule = str(record.line()["rule"])
    findings = FINDINGS[control]
    exporter.metrics.add(findings.suppressed, (rule, "a reason of mine"))
    shown = StatusPage(exporter.metrics, exporter.recent, FakeClock())({"control": control}).body.decode()
    row = f'<th scope="row"><a href="/?{urlencode({"rule": rule})}"'
    assert shown.count(row) == 2, "among the busiest and among the suppressed"
    assert "a reason of mine" in shown
    assert f">{record.line()[findings.severity]}</bdi></span>" in shown
