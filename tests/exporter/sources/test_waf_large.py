"""One text of a record may be as large as a body: it costs a few times its size in memory, wherever it stands."""

import json
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.sources.waf import parse

SAMPLES = Path(__file__).parents[2] / "samples" / "waf"
RECORDS = {
    "modsecurity": SAMPLES / "modsecurity" / "on_sqli_get.json",
    "coraza": SAMPLES / "coraza" / "3.8.1-on" / "sqli_get.json",
    "coraza with part K": SAMPLES / "coraza" / "3.8.1-on-k" / "sqli_get.json",
    "ocsf": SAMPLES / "coraza" / "3.8.1-on-ocsf" / "sqli_get.json",
}
MARK = "MARK"
SIZE = 400_000
TIMES = 20
"""Bytes of memory for each of a body: orjson takes twelve while it reads, and there are some copies of the text."""

QUOTED = re.compile(r'\[\w+ "((?:[^"\\]|\\.){0,999})"\]')


def marked(value: object) -> Iterator[object]:
    """The value once for each text in it, also for each that is quoted in a message, with the mark at that place."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            for other in marked(inner):
                copy = value.copy()
                copy[key] = other
                yield copy
    elif isinstance(value, str):
        yield value + MARK
        for found in QUOTED.finditer(value):
            yield value[: found.end(1)] + MARK + value[found.end(1) :]


def peak(body: bytes) -> int:
    tracemalloc.start()
    try:
        parse(body, 10)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("piece", ["x", r"\x", "%", '[file "', "AuditLog:{"])
@pytest.mark.parametrize("name", RECORDS)
def test_a_large_text_costs_a_few_times_its_size(name: str, piece: str) -> None:
    whole = json.loads(RECORDS[name].read_text())
    for key in ("messages", "enrichments"):
        whole[key] = whole.get(key, [])[:1]
    text = json.dumps(piece * (SIZE // len(piece)))[1:-1]
    for record in marked(whole):
        body = json.dumps(record).replace(MARK, text).encode()
        for sent in (body, body + b"x", body[:-1]):
            assert peak(sent) < TIMES * len(sent), json.dumps(record)[:3000]
