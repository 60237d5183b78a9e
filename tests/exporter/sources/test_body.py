"""From bytes to JSON values: what is broken costs itself and nothing else."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.catalog import MAX_DEPTH
from exporter.sources import Rejected
from exporter.sources.body import documents

ROOT = Path(__file__).parents[3]
MEBIBYTE = 1 << 20


def kinds(body: bytes, max_events: int = 10_000) -> list[object]:
    """The values in a body, with the reason in the place of each that was rejected."""
    return [value.reason if isinstance(value, Rejected) else value for value in documents(body, max_events)]


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1}\n{"b":"cut off\n{"c":3}\n', [{"a": 1}, "not_json", {"c": 3}]),
        (b'{"a":1}\n{"b":\n{"c":3}\n', [{"a": 1}, "not_json", {"c": 3}]),
        (b'{"a":1}\n{b}\n{b}\n{"c":3}\n', [{"a": 1}, "not_json", "not_json", {"c": 3}]),
        (b'{"a":1}\nplain\ntext\n{"c":3}\n', [{"a": 1}, "not_json", {"c": 3}]),
        (b'{"a":1} tail\n{"c":3}', [{"a": 1}, "not_json", {"c": 3}]),
        (b'{"a":1}\n' + nested(200) + b'\n{"c":3}', [{"a": 1}, "too_deep", {"c": 3}]),
        (b'{"a":1}\n' + nested(5000) + b'\n{"c":3}', [{"a": 1}, "too_deep", {"c": 3}]),
        (b'[{"a":1},\n' + nested(300) + b',\n{"c":3},{b}]', [{"a": 1}, "too_deep", {"c": 3}, "not_json"]),
        (b'[{"a":1},\n' + nested(5000) + b',\n{"c":3}]', [{"a": 1}, "too_deep", {"c": 3}]),
        (b'[\n{"a":1},\n{b},\n{"c":3}\n]', [{"a": 1}, "not_json", {"c": 3}]),
        (b'[{"a":1},{"b":2},{"c', [{"a": 1}, {"b": 2}, "not_json"]),
        (b'{\n "a": 1\n}\n{\n "b" 2\n}\n{\n "c": 3\n}\n', [{"a": 1}, "not_json", {"c": 3}]),
        (b'{"a":1}\n[2030-01-02] started\n[2030-01-02] stopped\n', [{"a": 1}, "not_json"]),
        (b'{"a":"x\n{b"}\n{"c":3}', [{"a": "x\n{b"}, {"c": 3}]),
        (b"]]]", ["empty"]),
        (b"[]", ["empty"]),
        (b"[[1]]", [[1]]),
        (b"null", [None]),
    ],
)
def test_one_bad_line_is_one_rejection_and_loses_nothing_else(body: bytes, expected: list[object]) -> None:
    assert kinds(body) == expected


def test_nesting_over_many_lines_is_told_too_deep_rather_than_cut_off() -> None:
    assert kinds(b'{"a":\n' * 5000)[0] == "too_deep"


UNLIMITED = """
import sys
from exporter.sources.body import documents
sys.setrecursionlimit(10**6)
for piece in sys.argv[1:]:
    for end in (b"", b"1" + b"}" * 60_000, b"\\n{b}"):
        found = documents(piece.encode() * 60_000 + end, 10**6)
        print(found[0].reason)
"""


def test_how_deep_a_body_may_be_is_not_left_to_python() -> None:
    """Python's own limit grew a hundredfold from one version to another; without any, its decoder ends the process."""
    pieces = ['{"a":', "[", '[{"a":', '{"a":\n']
    done = subprocess.run([sys.executable, "-c", UNLIMITED, *pieces], cwd=ROOT, capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [b"too_deep"] * 3 * len(pieces)


def test_every_beginning_of_an_object_is_said_to_end_in_the_middle() -> None:
    whole = rb'{"a":"x\u00e9\"","b":[1,{"c":-2.5e3},true,false,null],"d":{}}'
    json.loads(whole)

    for length in range(1, len(whole)):
        [found] = documents(whole[:length], 10)
        assert isinstance(found, Rejected)
        assert "ends in the middle" in found.message, whole[:length]


@pytest.mark.parametrize("wrap", [b"%b", b"[%b]", b'%b\n{"b":1}', b'%b{"b":1}', b"\xef\xbb\xbf%b"])
def test_the_deepest_nesting_allowed_is_the_catalogs(wrap: bytes) -> None:
    assert kinds(wrap % nested(MAX_DEPTH))[0] == json.loads(nested(MAX_DEPTH))
    assert kinds(wrap % nested(MAX_DEPTH + 1))[0] == "too_deep"


def test_many_brackets_are_not_depth() -> None:
    flat = {"a": "{[" * 500, "b": [[] for _ in range(500)]}

    assert kinds(json.dumps(flat).encode()) == [flat]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (b"9007199254740993", 9007199254740993),
        (b"18446744073709551615", 18446744073709551615),
        (b"-9223372036854775808", -9223372036854775808),
        (b"18446744073709551616", 18446744073709551616.0),
        (b"9" * 5000, float("inf")),
        (b"-" + b"9" * 5000, float("-inf")),
        (b"1e999", float("inf")),
    ],
)
def test_large_numbers_stay_usable(number: bytes, expected: float) -> None:
    assert kinds(b'{"n":%b}' % number) == [{"n": expected}]


def test_text_that_is_not_utf8_is_mended_and_the_rest_is_kept() -> None:
    assert kinds(b'{"a":"61 \x80 7A"}') == [{"a": "61 \ufffd 7A"}]
    assert kinds(b'{"a":"\xed\xa0\x80"}\n{"b":1}') == [{"a": "\ufffd\ufffd\ufffd"}, {"b": 1}]
    assert kinds(rb'{"a":"\ud800"}') == [{"a": "\ud800"}]


def test_too_many_events_refuse_the_body_in_every_arrangement() -> None:
    for body in (b'{"a":1}\n' * 11, b'{"a":1}' * 11, b"[" + b"1," * 10 + b"1]", b"{x}\n" * 11, b"[1]\n" * 11):
        assert kinds(body, 11) != ["too_many_events"]
        assert kinds(body, 10) == ["too_many_events"]


@pytest.mark.parametrize(
    "piece",
    [
        b"[\n",
        b"[",
        b'{"a":\n',
        b"[{},\n",
        b'[{"a":"' + b"x" * 1000 + b'"},',
        b'{"a":"\n',
        b"{}",
        b"{x}\n",
        b"[ \n",
        b'{"a":[\n' + b'{"b":1},\n' * 100,
        b"{\n",
        b'"',
        b"\\",
        b"\x00",
        b"1",
        b"\xff",
        b",x",
    ],
)
def test_no_mebibyte_keeps_the_receiver_busy(piece: bytes) -> None:
    """Each piece made an earlier or a naive reader slow: nesting over lines, half strings, errors far into the text."""
    body = piece * (MEBIBYTE // len(piece))
    start = time.process_time()

    documents(body, 10_000)

    assert time.process_time() - start < 1.5
