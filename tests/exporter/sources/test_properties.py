"""Whatever arrives, only clean events and counted rejections come out.

The alphabets hold every code point, lone surrogates and control characters included: only then can a test miss the
cleaning if it is not there.
"""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.catalog import MAX_LABEL_BYTES, PRIORITIES, REJECT_REASONS, TACTICS
from exporter.sources import Rejected
from exporter.sources.falco import FalcoEvent, parse
from exporter.sources.falco_events import DropMessage, FalcoAlert, InternalMessage, MetricsSnapshot
from exporter.sources.text import MAX_TEXT_BYTES, clean
from exporter.sources.workload import workload
from tests.support.senders import FALCO_ALERTS, TEXT, VALUES

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")

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
@given(FALCO_ALERTS)
def test_any_json_object_gives_labels_that_cannot_break_a_page(value: object) -> None:
    event, *fault = parse(json.dumps(value).encode(), 50)

    assert_usable(event)
    assert [one.reason for one in fault if isinstance(one, Rejected)] in ([], ["bad_fields"])


@bounded
@given(FALCO_ALERTS)
def test_text_that_is_not_even_encodable_is_cleaned_as_well(value: object) -> None:
    """The same bytes with raw instead of escaped characters: lone surrogates arrive as invalid UTF-8."""
    for event in parse(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), 50):
        assert_usable(event)


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
