"""From the bytes of a request to JSON values: one object, an array, lines of JSON or objects one after another.

What is ordinary costs one call of orjson. Only a body that orjson refuses is read again with the more patient decoder
of the standard library, piece by piece, so that one broken line of a batch is one rejection and loses nothing else.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice

import orjson

from exporter.catalog import MAX_DEPTH
from exporter.sources import Rejected

_EMPTY = Rejected("empty", "there is no event in the body: send JSON objects")
_TEXT = Rejected("not_json", "this is text, not JSON: set json_output: true in falco.yaml")
_CUT = Rejected("not_json", "the JSON ends in the middle: the sender, or something on the way, cut it off")
_DEEP = Rejected("too_deep", f"JSON nested more than {MAX_DEPTH} levels deep")

# Between the values of a batch: white space, what a broken array leaves behind, and separators that log shippers send.
_BETWEEN = re.compile(r"[\s,\]\x00\x1e\ufeff]*")
# A line that begins a value. `[` counts only before something that an array of events holds, because plain log lines
# begin with `[` too.
_START = re.compile(r'^(?:\{|\[\s*(?:[\[{"\]]|\Z))', re.MULTILINE)
# A bracket, or a whole string, in which brackets are text; one that does not end reaches to the end of the text.
_BRACKETS = re.compile(r'[\[\]{}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_MAX_DECODED = 4 * MAX_DEPTH
"""Nesting that is given to the standard library's decoder, which calls itself: how deep it may go differs a
hundredfold between versions of Python. What is read here is then held to `MAX_DEPTH`, event by event."""
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_CUT_TOKEN = len(r"\u1234")  # the longest token but a string and a number, which may have been cut in two
_SECOND_TRIES = 8
_MAX_INT_DIGITS = 20


def documents(body: bytes, max_events: int) -> list[object]:
    """The JSON values in a decompressed body in their order, a `Rejected` in the place of each that cannot be read.

    Never raises and never returns an empty list. Reasons: `empty`, `not_json`, `too_deep`, and `too_many_events`, which
    refuses the body as a whole.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        if not body.strip():
            return [_EMPTY]
        values = _batch(body)
    else:
        # Counting brackets is far cheaper than walking the value, and nearly always enough.
        if type(value) is dict and body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
            return [value]
        values = _items(value)
    found = [_DEEP if too_deep(value) else value for value in islice(values, max_events + 1)]
    if len(found) > max_events:
        return [Rejected("too_many_events", f"more than {max_events} events in one body: send smaller batches")]
    return found or [_EMPTY]


def too_deep(value: object) -> bool:
    """Is something nested deeper than allowed? Goes down level by level, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _items(value: object) -> list[object]:
    return value if type(value) is list else [value]


def _batch(body: bytes) -> Iterable[object]:
    """The values of a body that is not one JSON text as orjson wants it."""
    text = body.decode("utf-8-sig", "replace")
    mended = text.encode()
    if mended != body:
        try:
            return _items(orjson.loads(mended))
        except orjson.JSONDecodeError:
            pass
    return _lines(mended) or _patient(text)


def _lines(body: bytes) -> list[object]:
    """The values of a body that is one JSON value a line, all at once; nothing if it is not."""
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    try:
        values: list[object] = orjson.loads(b"[%b]" % b",".join(lines))
    except orjson.JSONDecodeError:
        return []
    # A string that was broken over two lines would be mended by the comma between them; the number gives it away.
    return [item for value in values for item in _items(value)] if len(values) == len(lines) else []


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
            if whole is _DEEP or not isinstance(whole, Rejected):
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
    if _too_deep_to_decode(text, at):
        return _DEEP, at
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        length = len(text.rstrip())
        cut_token = error.pos + _CUT_TOKEN > length and text[length - 1] not in "}]"
        if error.pos >= length or cut_token or error.msg.startswith("Unterminated string"):
            return _CUT, at
        return Rejected("not_json", f"not JSON: {error.msg} at character {error.pos - at + 1} of the event"), at


def _too_deep_to_decode(text: str, at: int) -> bool:
    """Is the value that begins here nested so deeply that the standard library's decoder must not be let near it?"""
    depth = 0
    for token in _BRACKETS.finditer(text, at):
        depth += _STEP.get(token[0], 0)
        if depth <= 0:
            return False
        if depth > _MAX_DECODED:
            return True
    return False


def _integer(digits: str) -> int | float:
    """An integer of any length: int() refuses thousands of digits, and no field is that large."""
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else float(digits)


_DECODER = json.JSONDecoder(strict=False, parse_int=_integer)
