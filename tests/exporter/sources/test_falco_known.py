"""What remembering kinds of alerts may cost: memory and work, whatever comes."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from exporter.sources import Repeat, falco_known
from exporter.sources.falco_known import MAX_KINDS, MAX_SHAPES, KnownAlerts


def alert(fields: dict[str, object] | None = None, **more: object) -> bytes:
    value = {"rule": "Shell", "priority": "Notice", "output": "x", "output_fields": fields or {}}
    return json.dumps(value | more, ensure_ascii=False).encode()


def is_known(known: KnownAlerts, body: bytes) -> bool:
    known.parse(body, 10)
    return isinstance(known.parse(body, 10)[0], Repeat)


MUCH: dict[str, tuple[int, Callable[[int], dict[str, Any]]]] = {
    "empty tags": (MAX_KINDS, lambda _: {"tags": [""] * 39_000}),
    "null tags": (MAX_KINDS, lambda _: {"tags": [None] * 39_000}),
    "short tags": (MAX_KINDS, lambda _: {"tags": [chr(0x100 + at) for at in range(500)]}),
    "long texts": (MAX_KINDS, lambda _: {"hostname": "é" * 40_000, "source": "é" * 40_000}),
    "short fields": (MAX_SHAPES, lambda n: {"fields": {f".{chr(0x4E00 + 500 * n + at)}": "" for at in range(500)}}),
    "long fields": (MAX_SHAPES, lambda n: {"fields": {f"a.{n}{'b' * 40_000}": ""}}),
}
"""Alerts that differ by a number, and how many of what is made of them may be remembered."""


@pytest.mark.parametrize("what", MUCH)
def test_what_is_remembered_is_bounded(what: str) -> None:
    """All of it together may not outgrow the memory of a small receiver."""
    most, make = MUCH[what]
    known = KnownAlerts()
    known.parse(alert(rule="the first", **make(20)), 10)  # what is remembered of tags has a bound of its own
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(20):
        known.parse(alert(rule=f"rule {number}", **make(number)), 10)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / 20 * most < 16 << 20


def test_what_falco_sends_is_remembered() -> None:
    """The bounds leave room for more tags and fields than any rule has."""
    fields: dict[str, object] = {f"field.number.{number}": "text" for number in range(50)}
    assert is_known(KnownAlerts(), alert(fields, tags=[f"tag_{number}" for number in range(40)]))


def test_a_shape_without_room_costs_nothing_and_takes_no_room_of_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownAlerts()
    for number in range(MAX_SHAPES):
        known.parse(alert({f"field.{number}": ""}), 10)
    monkeypatch.setattr(falco_known, "Shape", lambda *_: pytest.fail("it is made though there is no room for it"))
    odd = alert({"one.more": ""})
    for _ in range(MAX_KINDS):
        assert not isinstance(known.parse(odd, 10)[0], Repeat)
    assert is_known(known, alert({"field.1": ""}, rule="another"))


@pytest.mark.parametrize("value", [{}, [], {"": {}}, [1], {"name": "shop"}])
def test_fields_that_hold_others_are_of_no_kind(value: object) -> None:
    """What is nested may be another spelling of a field, and is dear to keep until its line is made."""
    known = KnownAlerts()
    for _ in range(2):
        assert not is_known(known, alert({"k8s.ns": value, "a.b": "c"}))
    assert is_known(known, alert({"k8s.ns": "", "a.b": "c"}))
