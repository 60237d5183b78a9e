"""Whatever arrives, only clean events and counted rejections come out.

The alphabets hold every code point, lone surrogates and control characters included: only then can a test miss the
cleaning if it is not there.
"""

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.catalog import MAX_LABEL_BYTES, PRIORITIES, REJECT_REASONS, TACTICS
from exporter.sources import Rejected
from exporter.sources.falco import FalcoEvent, parse
from exporter.sources.falco_events import DropMessage, FalcoAlert, InternalMessage, MetricsSnapshot
from exporter.sources.text import MAX_TEXT_BYTES, clean
from exporter.sources.workload import workload

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")

TEXT = st.text(st.characters(exclude_categories=()), max_size=400)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["", "<NA>", "pods", "internal"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
KEYS = st.sampled_from(["priority", "source", "hostname", "output", "message", "time", "tags", "Rule", "uuid"])
FIELD_NAMES = st.sampled_from(
    [
        "k8s.ns.name",
        "k8s.pod.name",
        "k8s.rc.name",
        "k8smeta.deployment.name",
        "k8smeta.rs.name",
        "ka.target.name",
        "ka.target.namespace",
        "ka.target.resource",
        "evt.time",
        "n_drops",
        "scap.n_evts",
    ]
)
RULES = VALUES | st.sampled_from(["Falco internal: syscall event drop", "Falco internal: metrics snapshot"])
ALERTS = st.builds(
    lambda rule, keys, fields: {**keys, "rule": rule, "output_fields": fields},
    RULES,
    st.dictionaries(KEYS, VALUES, max_size=8),
    st.dictionaries(FIELD_NAMES | TEXT, VALUES, max_size=6) | VALUES,
)
JSON_PIECES = st.sampled_from(
    [b'{"rule":', b'"x"', b"}", b"{", b"[", b"]", b",", b"\n", b'"', b"\\u", b"d800", b"1e9", b"\xff", b" "]
)

bounded = settings(max_examples=200)


def assert_clean(text: str, limit: int = MAX_LABEL_BYTES) -> None:
    text.encode("utf-8")
    assert not UNSAFE.search(text)
    assert len(text.encode()) <= limit
    assert text != "<NA>"


def assert_usable(event: FalcoEvent | Rejected) -> None:
    match event:
        case Rejected(reason, message):
            assert reason in REJECT_REASONS
            assert_clean(message)
        case FalcoAlert():
            for label in event[:8]:
                assert_clean(label)
            assert event.rule
            assert event.priority in PRIORITIES
            assert event.tactic in ("", *TACTICS)
            assert event.source not in ("", "internal")
            assert_clean(event.output, MAX_TEXT_BYTES)
            assert event.time is None or 0 < event.time < 1e12
        case DropMessage() | MetricsSnapshot() | InternalMessage():
            assert_clean(event.hostname)
            assert all(number is None or number >= 0 for number in event if isinstance(number, int))


@bounded
@given(st.binary(max_size=300) | st.lists(JSON_PIECES, max_size=40).map(b"".join))
@example(b'{"rule":"\\ud800"}')
@example(b'{"rule":"x","output":"\\u0000"}')
@example(b"[" * 100_000)
def test_any_bytes_give_events_or_a_rejection(body: bytes) -> None:
    found = parse(body, 50)

    assert found
    for event in found:
        assert_usable(event)


@bounded
@given(ALERTS)
def test_any_json_object_gives_labels_that_cannot_break_a_page(value: object) -> None:
    event, *fault = parse(json.dumps(value).encode(), 50)

    assert_usable(event)
    assert [one.reason for one in fault if isinstance(one, Rejected)] in ([], ["bad_fields"])


@bounded
@given(ALERTS)
def test_text_that_is_not_even_encodable_is_cleaned_as_well(value: object) -> None:
    """The same bytes with raw instead of escaped characters: lone surrogates arrive as invalid UTF-8."""
    for event in parse(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), 50):
        assert_usable(event)


@bounded
@given(
    st.lists(ALERTS, min_size=1, max_size=6), st.integers(0, 5), st.sampled_from([b"{", b'{"rule":"x', b"{]}", b"text"])
)
def test_one_broken_line_among_good_ones_changes_none_of_them(values: list[object], place: int, broken: bytes) -> None:
    lines = [json.dumps(value).encode() for value in values]
    alone = [event for line in lines for event in parse(line, 50)]
    place = min(place, len(lines))
    before = sum(len(parse(line, 50)) for line in lines[:place])

    found = parse(b"\n".join([*lines[:place], broken, *lines[place:]]), 50)

    assert len(found) == len(alone) + 1
    rejected = found.pop(before)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "not_json"
    assert [labels(event) for event in alone] == [labels(event) for event in found]


def labels(event: FalcoEvent | Rejected) -> object:
    return event[:8] if isinstance(event, FalcoAlert) else event


@bounded
@given(VALUES, st.integers(3, 300))
def test_any_value_becomes_clean_text_within_its_limit(value: object, limit: int) -> None:
    assert_clean(clean(value, limit), limit)


@bounded
@given(TEXT, TEXT)
def test_a_workload_is_a_beginning_of_its_pods_name(pod: str, node: str) -> None:
    owner = workload(pod, node)

    assert pod.startswith(owner)
    assert bool(owner) == bool(pod)
