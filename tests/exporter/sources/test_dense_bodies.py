"""Bodies with much in few bytes: no single call makes very many objects, and honest batches pass whole."""

import json
from collections.abc import Callable

import orjson
import pytest

from exporter.sources import Rejected, body, falco, waf
from exporter.sources.body import DENSE, MAX_TOKENS, documents
from exporter.sources.waf_events import WafEvent
from tests.support.receiver import alert

MEBIBYTE = 1 << 20
EVENTS = 10_000

GARBAGE = {
    "lists": (b"[%b]", b"[],", "too_many_events"),
    "objects": (b"[%b]", b"{},", "too_many_events"),
    "numbers": (b"[%b]", b"1,", "not_json"),
    "lists of a list": (b"[%b]", b"[[]],", "too_many_events"),
    "small objects": (b"[%b]", b'{"a":1},', "too_many_events"),
    "one event of lists": (b'{"a":[%b]}', b"[],", "not_an_alert"),
    "one event of numbers": (b'{"a":[%b]}', b"1,", "not_an_alert"),
    "one list in a list": (b"[[%b]]", b"[],", "not_an_alert"),
    "one list of lists in the fields": (b'[{"rule":"a","output_fields":{"x":[%b]}}]', b"{},", "not_an_alert"),
    "empty arrays on lines": (b"%b\n[]", b"[]\n ", "too_many_events"),
    "objects on lines": (b"%b\n{}", b"{}\n", "too_many_events"),
    "numbers on lines": (b"%b\n1", b"1\n", "too_many_events"),
    "objects one after another": (b"%b{}", b"{}  ", "too_many_events"),
    "an object over many lines": (b'{"a":[\n%b]}', b"[\n],", "too_many_events"),
}
"""What -> its frame, what is repeated in it, and what it is refused for."""


@pytest.fixture
def largest(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The most brackets, commas and line ends of what a decoder made objects of in one call."""
    sizes = [0]
    loads, decode = orjson.loads, body._DECODER.raw_decode

    def counted(text: bytes) -> object:
        value = loads(text)
        sizes.append(sum(map(text.count, (b"[", b"{", b",", b"\n"))))
        return value

    def counted_decode(text: str, at: int) -> tuple[object, int]:
        value, end = decode(text, at)
        sizes.append(sum(text.count(mark, at, end) for mark in "[{,\n"))
        return value, end

    monkeypatch.setattr(orjson, "loads", counted)
    monkeypatch.setattr(body._DECODER, "raw_decode", counted_decode)
    return lambda: max(sizes)


@pytest.mark.parametrize("what", GARBAGE)
def test_no_single_call_makes_very_many_objects(what: str, largest: Callable[[], int]) -> None:
    frame, piece, reason = GARBAGE[what]
    full = frame % (piece * (MEBIBYTE // len(piece)))[:-1]
    found = documents(full, EVENTS)
    assert [one.reason for one in found if isinstance(one, Rejected)] == [reason]
    assert len(found) == 1
    assert largest() <= DENSE + 1


WITHIN: dict[str, tuple[str, Callable[[str], object]]] = {
    "falco: log": ('{"rule":"a","output_fields":{"x":DENSE}}', lambda text: {"log": text}),
    "falco: message": ('{"rule":"a","x":DENSE}', lambda text: {"message": text}),
    "falco: output_fields": ('{"x":DENSE}', lambda text: {"rule": "a", "output_fields": text}),
    "waf: log": ('{"transaction":{"x":DENSE}}', lambda text: {"log": text}),
    "waf: message": ('{"transaction":{"x":DENSE}}', lambda text: {"message": text}),
    "waf: OCSF": ('{"id":942100,"x":DENSE}', lambda text: {"class_uid": 6001, "enrichments": [{"data": text}]}),
}
"""What -> JSON as a text, and what it is in."""


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The most objects and arrays that orjson made in one call."""
    made = [0]
    loads = orjson.loads

    def counted(text: bytes | str) -> object:
        value = loads(text)
        made.append(_containers(value))
        return value

    monkeypatch.setattr(orjson, "loads", counted)
    return lambda: max(made)


def _containers(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + sum(map(_containers, inner))


def _put(what: str, dense: str) -> bytes:
    text, around = WITHIN[what]
    return json.dumps(around(text.replace("DENSE", dense))).encode()


@pytest.mark.parametrize("what", WITHIN)
def test_a_text_with_json_in_it_is_read_within_the_same_bounds(what: str, most: Callable[[], int]) -> None:
    parse = (falco if what.startswith("falco") else waf).parse
    parse(_put(what, "[" + "{}," * (MEBIBYTE // 4) + "1]"), EVENTS)
    assert most() <= DENSE


@pytest.mark.parametrize("what", WITHIN)
def test_what_an_attacker_types_is_not_too_dense_in_such_a_text(what: str) -> None:
    """Commas in a string are none: else a rule that quotes them would not be seen."""
    parse = (falco if what.startswith("falco") else waf).parse
    [event] = parse(_put(what, '"' + "[{," * DENSE + '"'), EVENTS)
    assert not isinstance(event, Rejected)
    if isinstance(event, WafEvent):
        assert event.rule_id == ("942100" if what == "waf: OCSF" else "")


def _array(events: list[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


ARRANGEMENTS: dict[str, Callable[[list[bytes]], bytes]] = {
    "array": _array,
    "array over lines": lambda events: b"[\n" + b",\n".join(events) + b"\n]",
    "lines": b"\n".join,
    "one after another": b"".join,
}


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_as_many_alerts_as_are_allowed_pass_whole(arrangement: str, largest: Callable[[], int]) -> None:
    events = [alert(f"Rule {number}", output="x [y] {z}, " * 60) for number in range(EVENTS)]
    written = [json.dumps(event).encode() for event in events]
    assert 900 < len(written[0]) < 1200
    assert documents(ARRANGEMENTS[arrangement](written), EVENTS) == events
    assert largest() <= DENSE


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_what_an_attacker_types_makes_no_batch_too_dense(arrangement: str) -> None:
    events = [alert(output="[{,\n" * 1000 + str(number)) for number in range(200)]
    written = [json.dumps(event).encode() for event in events]
    assert documents(ARRANGEMENTS[arrangement](written), EVENTS) == events


def test_an_event_with_too_much_in_it_takes_no_other_line_along() -> None:
    huge = b'{"rule":"a","output_fields":{"x":[' + b"1," * DENSE + b"1]}}"
    found = documents(b'{"rule":"b"}\n' * 3 + huge + b'\n{"rule":"c"}', EVENTS)
    assert [one.reason if isinstance(one, Rejected) else one for one in found] == [
        *[{"rule": "b"}] * 3,
        "not_an_alert",
        {"rule": "c"},
    ]
    assert str(MAX_TOKENS) in str(found[3])
