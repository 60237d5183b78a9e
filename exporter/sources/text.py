"""The one place where a value of unknown shape becomes text that is safe in a label, a log line and a page."""

import json
import re

from exporter.catalog import MAX_LABEL_BYTES

MAX_TEXT_BYTES = 4096
"""Text of an event for people (its output, a command line) is cut at this many bytes of UTF-8."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# A lone surrogate cannot be encoded and would break the whole page; a bidirectional override shows people another text.
_UNSAFE = re.compile(r"[\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_ELLIPSIS = "…".encode()
_MAX_EXACT_FLOAT = 1e25


def clean(value: object, limit: int = MAX_LABEL_BYTES) -> str:
    """Any JSON value as text of at most `limit` bytes of UTF-8 that holds no control characters.

    `null`, the empty string and Falco's `<NA>` are the empty string. Lists are joined with commas, objects are
    written as JSON. Runs of control characters become one space, lone surrogates U+FFFD; cut text ends with `…`.
    """
    if type(value) is not str:
        value = _written(value)
    cut = len(value) > limit
    if cut:
        value = value[:limit]
    if not value.isprintable():
        value = _UNSAFE.sub("\ufffd", _CONTROL.sub(" ", value))
    if cut or not value.isascii():
        value = _cut(value, limit, cut)
    return "" if value == "<NA>" else value


def _cut(value: str, limit: int, cut: bool) -> str:
    encoded = value.encode()
    if cut or len(encoded) > limit:
        return encoded[: limit - len(_ELLIPSIS)].decode("utf-8", "ignore") + "…"
    return value


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # orjson reads an integer beyond 64 bits as a float; people expect to see digits.
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT_FLOAT:
        return str(int(value))
    if isinstance(value, list):
        return ",".join(map(_written, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
