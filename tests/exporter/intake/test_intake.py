"""What is posted, well formed or not: what is answered, what is counted, and that everything else goes on."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalog import REJECT_REASONS
from tests.support.receiver import Receiver, alert, receiver

MAX_BODY = 256 << 10
MAX_EVENTS = 50

NOT_AN_EVENT = {"version": "4", "status": "firing", "alerts": []}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    limits = {"max_body": "256KiB", "max_events": MAX_EVENTS}
    with receiver(tmp_path_factory.mktemp("intake"), intake=limits, events={"log": False}) as running:
        yield running
        assert "Traceback" not in running.log.read_text()
        assert running.value("threat_events_rejected_total", reason="internal") == 0


def samples(subject: Receiver) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample on the page; of the times and of the process itself none, for they move by themselves."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(subject.get("/metrics")[2].decode())
        for sample in family.samples
        if sample.name.startswith("threat_") and not sample.name.endswith("_timestamp_seconds")
    }


def moved(subject: Receiver, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, Any, dict[str, Any]]:
    """Posts, and what that moved on the page: sample name -> (labels, by how much), for all that rose."""
    before = samples(subject)
    status, answer = subject.post(body, headers=headers)
    after = samples(subject)
    rises = {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}
    return status, answer, {name: (dict(labels), by) for (name, labels), by in rises.items()}


def assert_only_rejected(rises: dict[str, Any], reason: str, count: int = 1, control: str = "ids") -> None:
    assert rises == {"threat_events_rejected_total": ({"control": control, "reason": reason}, count)}


def bomb() -> bytes:
    """A gigabyte of blanks in a megabyte, as far as the limit on the compressed body goes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(200)) + packer.flush()
    assert len(packed) < MAX_BODY
    return packed


BAD = {
    "plain text": (b"12:00:00.000000000: Notice A shell was spawned", {}, 400, "not_json", "set json_output: true"),
    "empty": (b"", {}, 400, "empty", "there is no event"),
    "blank": (b" \r\n ", {}, 400, "empty", "there is no event"),
    "an empty array": (b"[]", {}, 400, "empty", "there is no event"),
    "truncated": (json.dumps(alert()).encode()[:-20], {}, 400, "not_json", "cut it off"),
    "200 levels": (b'{"rule":' * 200 + b"1" + b"}" * 200, {}, 400, "too_deep", "64 levels"),
    "200 levels inside a field": (
        json.dumps(alert(nested="X")).replace('"X"', "[" * 200 + "]" * 200).encode(), {}, 400, "too_deep", "64 levels",
    ),
    "10 MiB": (b'"' + b"x" * (10 << 20) + b'"', {}, 413, "too_large", "intake.max_body"),
    "a gzip bomb": (bomb(), {"Content-Encoding": "gzip"}, 413, "too_large", "intake.max_body"),
    "not gzip": (json.dumps(alert()).encode(), {"Content-Encoding": "gzip"}, 400, "bad_encoding", "is not gzip"),
    "gzip cut short": (
        gzip.compress(b"{}" * 99)[:-9], {"Content-Encoding": "gzip"}, 400, "bad_encoding", "ends in the middle",
    ),
    "brotli": (b"{}", {"Content-Encoding": "br"}, 415, "unknown_encoding", "Content-Encoding: gzip"),
    "gzip twice": (b"{}", {"Content-Encoding": "gzip, gzip"}, 415, "unknown_encoding", "Content-Encoding: gzip"),
    "UTF-16": (json.dumps(alert()).encode("utf-16"), {}, 400, "not_json", "not JSON"),
    "not an alert": (json.dumps(NOT_AN_EVENT).encode(), {}, 400, "not_an_alert", "not a Falco alert"),
    "a number": (b"42", {}, 400, "not_an_alert", "must be a JSON object"),
    "no rule": (b'{"priority":"Notice","output":"x"}', {}, 400, "no_rule", "no rule name"),
    "a blank rule": (json.dumps(alert(" ")).encode(), {}, 400, "no_rule", "no rule name"),
}  # fmt: skip
"""What -> body, headers, and the status, reason and words that it gets."""


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence_and_is_counted_and_nothing_else_happens(subject: Receiver, name: str) -> None:
    body, headers, status, reason, words = BAD[name]
    answered, answer, rises = moved(subject, body, headers)

    assert answered == status
    assert list(answer) == ["error"]
    assert words in answer["error"]
    assert_only_rejected(rises, reason)
    assert subject.post(alert()) == (204, None)
    assert subject.get("/readyz")[0] == 200


def test_the_reasons_above_are_all_that_a_body_can_be_refused_for() -> None:
    """The rest have to do with the connection or the head (test_raw_sockets, test_access), with an alert
    that was accepted (test_senders), or with `internal`."""
    elsewhere = {"bad_fields", "evicted", "forbidden", "head_too_large", "internal", "malformed_http", "method",
                 "not_found", "timeout", "tls_bad_certificate", "tls_failed", "tls_no_certificate", "tls_no_request",
                 "tls_plain_http",
                 "tls_untrusted", "too_many_connections", "too_many_events", "too_many_pages", "truncated",
                 "unauthorized", "unread_answer"}  # fmt: skip
    assert {reason for _, _, _, reason, _ in BAD.values()} == set(REJECT_REASONS) - elsewhere


def test_a_method_other_than_post_is_told_which(subject: Receiver) -> None:
    status, headers, body = subject.request("GET", "/falco")
    assert (status, headers["allow"]) == (405, "POST")
    assert "POST" in json.loads(body)["error"]


BATCH = [alert("Batch rule"), alert("Batch rule", "Critical")]
SERIAL = [json.dumps(event).encode() for event in BATCH]

BATCHES = {
    "array": (json.dumps(BATCH).encode(), {}),
    "ndjson": (b"\n".join(SERIAL) + b"\n", {}),
    "ndjson with CRLF": (b"\r\n".join(SERIAL), {}),
    "concatenated": (b"".join(SERIAL), {}),
    "gzip": (gzip.compress(json.dumps(BATCH).encode()), {"Content-Encoding": "gzip"}),
    "gzip in two members": (b"".join(map(gzip.compress, SERIAL)), {"Content-Encoding": "gzip"}),
    "identity": (b"\n".join(SERIAL), {"Content-Encoding": "identity"}),
    "with a byte order mark": (b"\xef\xbb\xbf" + SERIAL[0] + SERIAL[1], {}),
}


@pytest.mark.parametrize("name", BATCHES)
def test_every_event_of_a_batch_is_counted(subject: Receiver, name: str) -> None:
    before = {priority: subject.value("threat_falco_alerts_total", rule="Batch rule", priority=priority)
              for priority in ("notice", "critical")}  # fmt: skip
    body, headers = BATCHES[name]
    assert subject.post(body, headers=headers) == (204, None)
    for priority, count in before.items():
        assert subject.value("threat_falco_alerts_total", rule="Batch rule", priority=priority) == count + 1


def test_a_mixed_batch_loses_nothing_and_says_what_was_wrong(subject: Receiver) -> None:
    before = samples(subject)
    status, answer = subject.post([alert("Mixed"), NOT_AN_EVENT, alert("Mixed"), {"priority": "Notice"}])
    after = samples(subject)

    assert status == 200
    assert (answer["accepted"], answer["rejected"]) == (2, 2)
    assert [sentence[:15] for sentence in answer["errors"]] == ["not a Falco ale", "the alert has n"]
    for reason in ("not_an_alert", "no_rule"):
        key = "threat_events_rejected_total", frozenset({("control", "ids"), ("reason", reason)})
        assert after[key] == before[key] + 1
    assert subject.value("threat_falco_alerts_total", rule="Mixed") == 2


def test_the_answer_to_a_bad_batch_stays_short(subject: Receiver) -> None:
    status, answer = subject.post([alert(), *[NOT_AN_EVENT] * (MAX_EVENTS - 1)])
    assert (status, answer["rejected"], len(answer["errors"])) == (200, MAX_EVENTS - 1, 10)


def test_too_many_events_are_refused_as_a_whole(subject: Receiver) -> None:
    status, answer, rises = moved(subject, [alert()] * (MAX_EVENTS + 1))
    assert status == 413
    assert "send smaller batches" in answer["error"]
    assert_only_rejected(rises, "too_many_events")
    assert subject.post([alert()] * MAX_EVENTS) == (204, None)


@pytest.mark.parametrize("path", ["/falco", "/"])
def test_an_alert_has_the_labels_of_what_it_says(subject: Receiver, path: str) -> None:
    event = alert("Read sensitive file", "Warning", k8s_ns_name="pay", k8s_pod_name="api-6d5f9c7b4d-x2x4z")
    before = subject.value("threat_falco_alerts_total", rule="Read sensitive file")
    assert subject.post(event, path) == (204, None)
    labels = {"priority": "warning", "source": "syscall", "tactic": "execution", "hostname": "node-1",
              "k8s_ns_name": "pay", "k8s_pod_name": "api-6d5f9c7b4d-x2x4z", "workload": "api"}  # fmt: skip
    assert subject.value("threat_falco_alerts_total", rule="Read sensitive file", **labels) == before + 1


# Falco's own messages -----------------------------------------------------------------------------------------


def internal(rule: str, hostname: str, **fields: object) -> dict[str, Any]:
    return alert(f"Falco internal: {rule}", "Debug") | {
        "hostname": hostname, "source": "internal", "output_fields": fields,
    }  # fmt: skip


def test_drop_messages_are_counted_by_node_and_never_as_alerts(subject: Receiver) -> None:
    alerts = subject.value("threat_falco_alerts_total")
    assert subject.post(internal("syscall event drop", "node-7", n_drops="12")) == (204, None)
    assert subject.post(internal("syscall event drop", "node-7", n_drops="12")) == (204, None)
    assert subject.value("threat_falco_drop_messages_total", hostname="node-7") == 2
    assert subject.value("threat_falco_alerts_total") == alerts


def test_a_metrics_snapshot_sets_absolute_values(subject: Receiver) -> None:
    """Two replicas that get Falco's snapshots in turn must agree, and Falco starts again at 0."""
    alerts, accepted = subject.value("threat_falco_alerts_total"), subject.value("threat_events_accepted_total")
    for events, drops in ((9_876_543_210, 42), (1 << 60, 43), (100, 0)):
        snapshot = internal("metrics snapshot", "node-8", **{"scap.n_evts": events, "scap.n_drops": drops})
        assert subject.post(snapshot) == (204, None)
        assert subject.value("threat_falco_syscall_events_total", hostname="node-8") == events
        assert subject.value("threat_falco_syscall_drops_total", hostname="node-8") == drops
        assert subject.value("threat_falco_snapshot_timestamp_seconds", hostname="node-8") == pytest.approx(
            time.time(), abs=5
        )
    assert subject.value("threat_falco_alerts_total") == alerts
    assert subject.value("threat_events_accepted_total", control="ids") == accepted + 3


def test_the_snapshots_of_two_event_sources_of_a_node_are_two_series(subject: Receiver) -> None:
    """A Falco with a plugin sends one for each in turn; one must not overwrite the other."""
    counts = {"syscall": 1000, "k8s_audit": 7}
    for source, events in counts.items():
        snapshot = internal("metrics snapshot", "node-9", **{"evt.source": source, "scap.n_evts": events})
        assert subject.post(snapshot) == (204, None)
    for source, events in counts.items():
        assert subject.value("threat_falco_syscall_events_total", hostname="node-9", source=source) == events
    assert subject.value("threat_falco_syscall_drops_total", hostname="node-9") == 0


def test_an_internal_message_of_a_kind_not_known_yet_is_no_alert(subject: Receiver) -> None:
    alerts, accepted = subject.value("threat_falco_alerts_total"), subject.value("threat_events_accepted_total")
    assert subject.post(internal("something new", "node-7")) == (204, None)
    assert subject.value("threat_falco_alerts_total") == alerts
    assert subject.value("threat_events_accepted_total") == accepted + 1


# Times --------------------------------------------------------------------------------------------------------


def test_the_newest_event_of_a_node_has_a_time(subject: Receiver) -> None:
    assert subject.post(alert() | {"hostname": "node-9"}) == (204, None)
    newest = subject.value("threat_last_event_timestamp_seconds", control="ids", hostname="node-9")
    assert newest == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize(
    ("ago", "within", "beyond", "skewed"), [(45, "60.0", "30.0", 0), (-90, "0.1", "", 1), (4000, "+Inf", "3600.0", 0)]
)
def test_delay_and_clock_skew(subject: Receiver, ago: float, within: str, beyond: str, skewed: int) -> None:
    """An event from the future took no time, and is counted as skewed."""

    def state() -> list[float]:
        buckets = [subject.value("threat_event_delay_seconds_bucket", control="ids", le=le) for le in (within, beyond)]
        return [*buckets, subject.value("threat_clock_skew_events_total", control="ids")]

    before = state()
    moment = datetime.fromtimestamp(time.time() - ago, UTC).isoformat().replace("+00:00", "Z")
    assert subject.post(alert() | {"time": moment}) == (204, None)

    assert state() == [before[0] + 1, before[1], before[2] + skewed]


def test_an_event_without_a_time_has_no_delay(subject: Receiver) -> None:
    before = subject.value("threat_event_delay_seconds_count")
    assert subject.post({"rule": "r", "priority": "Notice"}) == (204, None)
    assert subject.value("threat_event_delay_seconds_count") == before
