"""From the bytes of a request to JSON values: one object, an array, lines of JSON or objects one after another.

What is ordinary costs one call of orjson. Only a body that orjson refuses is read again with the more patient decoder
of the standard library, piece by piece, so that one broken line of a batch is one rejection and loses nothing else.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import cast

import orjson

from exporter.catalog import MAX_DEPTH
from exporter.sources import Rejected

_EMPTY = Rejected("empty", "there is no event in the body: send JSON objects")
_TEXT = Rejected("not_json", "this is text, not JSON")
_CUT = Rejected("not_json", "the JSON ends in the middle: the sender, or something on the way, cut it off")
_DEEP = Rejected("too_deep", f"JSON nested more than {MAX_DEPTH} levels deep")

DENSE = 40_000
"""Brackets, commas and line ends in a body past which it is read piece by piece: to make the objects of one text takes
one call, during which no other thread runs. A thousand ordinary alerts have 26,000."""

MAX_TOKENS = 10_000
"""Brackets, commas and strings in one event of such a body; a large alert or audit record has some hundreds."""

_GROUP = 32 * 1024
"""Bytes of lines that are read in one call of a dense body."""

_HUGE = Rejected("not_an_alert", f"no event has more than {MAX_TOKENS} brackets, commas and strings: send one by one")

# Between the values of a batch: white space, what a broken array leaves behind, and separators that log shippers send.
_BETWEEN = re.compile(r"[\s,\]\x00\x1e\ufeff]*")
# A line that begins a value. `[` counts only before something that an array of events holds, because plain log lines
# begin with `[` too.
_START = re.compile(r'^(?:\{|\[\s*(?:[\[{"\]]|\Z))', re.MULTILINE)
# A bracket, a comma, or a whole string, in which they are text; one that does not end reaches to the end of the text.
# Nothing in a string is tried twice (`*+`): to be able to, the expression would keep a hundred bytes for each escape.
_TOKENS = re.compile(r'[\[\]{},]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_MAX_DECODED = 4 * MAX_DEPTH
"""Nesting that is given to the standard library's decoder, which calls itself: how deep it may go differs a
hundredfold between versions of Python. What is read here is then held to `MAX_DEPTH`, event by event."""
NESTED = frozenset({dict, list})
"""The types of JSON values that hold others."""
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_CUT_TOKEN = len(r"\u1234")  # the longest token but a string and a number, which may have been cut in two
_SECOND_TRIES = 8
_MAX_INT_DIGITS = 20


def documents(body: bytes, max_events: int, hint: str = "send JSON") -> list[object]:
    """The JSON values in a decompressed body in their order, a `Rejected` in the place of each that cannot be read.

    `hint` is what the sender does about text in the place of JSON. Never raises and never returns an empty list.
    Reasons: `empty`, `not_json`, `too_deep`, and `too_many_events`, which refuses the body as a whole.
    """
    values: Iterable[object]
    if _is_dense(body):
        values = _dense(body)
    else:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            values = _batch(body) if body.strip() else []
        else:
            if type(value) is dict:  # nearly always, and with so few brackets that they cannot be nested too deeply
                return [_DEEP if body.count(b"{") + body.count(b"[") > MAX_DEPTH and too_deep(value) else value]
            values = _items(value)
    text = Rejected("not_json", f"{_TEXT.message}: {hint}")
    found = [
        _DEEP if too_deep(value) else text if value is _TEXT else value for value in islice(values, max_events + 1)
    ]
    if len(found) > max_events:
        return [Rejected("too_many_events", f"more than {max_events} events in one body: send smaller batches")]
    return found or [_EMPTY]


def within(text: str) -> object:
    """The JSON value in a text of another one, read with the patience and the bounds of a body; else a `Rejected`."""
    return documents(text.encode("utf-8", "replace"), 1)[0]


def _is_dense(body: bytes) -> bool:
    return len(body) > DENSE and sum(map(body.count, (b"[", b"{", b",", b"\n"))) > DENSE


def _dense(body: bytes) -> Iterator[object]:
    """The values of a body with much in it, so that no call takes long: lines in groups, and the rest with patience."""
    body = body.decode("utf-8-sig", "replace").encode()
    start = 0
    while start < len(body):
        end = body.rfind(b"\n", start, start + _GROUP) + 1 if start + _GROUP < len(body) else len(body)
        group = body[start:end]
        values = _lines(group) if group.strip() else []
        if values is None or not end:
            yield from _patient(body[start:].decode())
            return
        yield from values
        start = end


def too_deep(value: object) -> bool:
    """Is something nested deeper than allowed? Goes down level by level, without recursion."""
    level = [value] if type(value) in NESTED else []
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for outer in level:
            items = outer.values() if type(outer) is dict else cast("list[object]", outer)
            if not NESTED.isdisjoint(map(type, items)):
                below += [inner for inner in items if type(inner) in NESTED]
        if not below:
            return False
        level = below
    return True


def _items(value: object) -> list[object]:
    """The events of a value. An array without any is told once, or a body of them would have no end."""
    return (value or [_EMPTY]) if type(value) is list else [value]


def _batch(body: bytes) -> Iterable[object]:
    """The values of a body that is not one JSON text as orjson wants it."""
    text = body.decode("utf-8-sig", "replace")
    mended = text.encode()
    if mended != body:
        try:
            return _items(orjson.loads(mended))
        except orjson.JSONDecodeError:
            pass
    values = _lines(mended)
    return _patient(text) if values is None else values


def _lines(body: bytes) -> list[object] | None:
    """The values of a body that is one JSON value a line, all at once; None if it is not."""
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    try:
        values: list[object] = orjson.loads(b"[%b]" % b",".join(lines))
    except orjson.JSONDecodeError:
        return None
    # A string that was broken over two lines would be mended by the comma between them; the number gives it away.
    return [item for value in values for item in _items(value)] if len(values) == len(lines) else None


def _patient(text: str) -> Iterator[object]:
    """The values in a text piece by piece, a `Rejected` for each piece that is not JSON.

    A piece reaches from one line that begins a value to the next, and what fails in it costs no more than its length.
    A value that goes on in the next piece is read from the whole text, and an array that cannot be read is read item
    by item; only a few of these second tries may fail, so that the work stays proportional to the text.
    """
    second_tries = _SECOND_TRIES
    at = end = _skip(text, 0)
    while at < len(text):
        if at >= end:
            start = at
            following = _START.search(text, start + 1)
            end = following.start() if following else len(text)
            piece = text[start:end]
        value, stop = _decode(piece, at - start)
        if value is _CUT and end < len(text) and second_tries:
            whole, whole_stop = _decode(text, at)
            second_tries -= isinstance(whole, Rejected)
            if whole is _DEEP or whole is _HUGE or not isinstance(whole, Rejected):
                value, stop = whole, whole_stop - start
        if isinstance(value, Rejected) and at == start and text[at] == "[" and second_tries:
            second_tries -= 1
            stop = 1
        elif isinstance(value, Rejected):
            yield value
            stop = end - start
        else:
            yield from _items(value)
        at = _skip(text, start + stop)


def _skip(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between else at


def _decode(text: str, at: int) -> tuple[object, int]:
    """The object or array that begins at a place in a text and where it ends, or a `Rejected`."""
    if text[at] not in "{[":
        return _TEXT, at
    refusal = _not_to_decode(text, at)
    if refusal is not None:
        return refusal, at
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        length = len(text.rstrip())
        cut_token = error.pos + _CUT_TOKEN > length and text[length - 1] not in "}]"
        if error.pos >= length or cut_token or error.msg.startswith("Unterminated string"):
            return _CUT, at
        return Rejected("not_json", f"not JSON: {error.msg} at character {error.pos - at + 1} of the event"), at


def _not_to_decode(text: str, at: int) -> Rejected | None:
    """Why the standard library's decoder must not be let near the value that begins here: so deep, or so much in it."""
    depth = 0
    for count, token in enumerate(_TOKENS.finditer(text, at)):
        depth += _STEP.get(token[0], 0)
        if depth <= 0:
            return None
        if depth > _MAX_DECODED:
            return _DEEP
        if count > MAX_TOKENS:
            return _HUGE
    return None


def _integer(digits: str) -> int | float:
    """An integer of any length: int() refuses thousands of digits, and no field is that large."""
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else float(digits)


_DECODER = json.JSONDecoder(strict=False, parse_int=_integer)
