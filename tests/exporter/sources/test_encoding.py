"""Compressed bodies are opened within a limit, and what cannot be opened is told apart."""

import gzip
import time
import tracemalloc

import pytest

from exporter.catalog import REJECT_REASONS
from exporter.intake.encoding import decompress
from exporter.sources import Rejected

BODY = b'{"rule":"x"}'


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (BODY, " Identity "),
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0), "GZIP"),
        (gzip.compress(BODY, mtime=0), "x-gzip"),
        (gzip.compress(BODY[:5], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(BODY[5:], mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0) + b"\x00" * 8, "gzip"),
    ],
)
def test_a_body_comes_out_as_it_was(body: bytes, encoding: str) -> None:
    assert decompress(body, encoding, len(BODY)) == BODY


@pytest.mark.parametrize(
    ("body", "encoding", "reason", "said"),
    [
        (BODY, "gzip", "bad_encoding", "not gzip"),
        (gzip.compress(BODY, mtime=0) + b"tail", "gzip", "bad_encoding", "not gzip"),
        (gzip.compress(BODY, mtime=0)[:-12] + b"\x00" * 12, "gzip", "bad_encoding", "not gzip"),
        (gzip.compress(BODY, mtime=0)[:-1], "gzip", "bad_encoding", "ends in the middle"),
        (gzip.compress(BODY, mtime=0)[:5], "gzip", "bad_encoding", "ends in the middle"),
        (BODY, "br", "unknown_encoding", "Content-Encoding: gzip"),
        (BODY, "gzip, gzip", "unknown_encoding", "Content-Encoding: gzip"),
        (BODY + b" ", "", "too_large", "intake.max_body"),
        (gzip.compress(BODY + b" ", mtime=0), "gzip", "too_large", "intake.max_body"),
    ],
)
def test_what_cannot_be_opened_says_why(body: bytes, encoding: str, reason: str, said: str) -> None:
    found = decompress(body, encoding, len(BODY))

    assert isinstance(found, Rejected)
    assert found.reason == reason
    assert reason in REJECT_REASONS
    assert said in found.message


def test_a_gzip_bomb_never_takes_more_memory_than_the_limit_allows() -> None:
    bomb = gzip.compress(b"\x00" * (64 << 20))
    limit = 1 << 20

    tracemalloc.start()
    found = decompress(bomb, "gzip", limit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(found, Rejected)
    assert found.reason == "too_large"
    assert peak < 4 * limit


def test_a_mebibyte_of_empty_members_is_read_at_once() -> None:
    member = gzip.compress(b"", mtime=0)
    start = time.process_time()

    assert decompress(member * ((1 << 20) // len(member)), "gzip", 1 << 20) == b""
    assert time.process_time() - start < 2
