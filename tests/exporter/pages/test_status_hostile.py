"""What an attacker typed stays text on the status page, whatever field it comes in."""

import base64
import hashlib
import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from exporter.server.http import Answer
from tests.support.page_reader import Reader, read
from tests.support.seen import FIELDS, HOSTILE, SHELL, Seen, hostile_line

ANYTHING = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)
"""Lone surrogates included: Hypothesis leaves them out unless it is told."""

MARKUP = st.lists(st.sampled_from([*"<>&\"'/=-! \u202e\ud800\x00", "script", "bdi", "</", "-->", *HOSTILE[:12]])).map(
    "".join
)
TEXT = (ANYTHING | MARKUP | st.sampled_from(HOSTILE)).filter(lambda text: text not in ("", "other"))


def page_of(lines: list[dict[str, str]], reason: str) -> Answer:
    """The page after these events, the last of which was suppressed for this reason and one was given a priority."""
    seen = Seen()
    for line in lines:
        seen.take({**line})
        seen.take(
            {**line}, line["node"].encode("utf-8", "replace").decode(), tuned={"priority_counted": line["priority"]}
        )
    seen.take({**lines[-1]}, tuned={"suppressed": reason})
    return seen.show(rule=lines[0]["rule"])


# Without shrinking: each example is many pages' work, and the first that fails is short enough to read.
@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, TEXT)), TEXT)
def test_text_in_any_field_changes_nothing_but_text(line: dict[str, str], reason: str) -> None:
    hostile, harmless = page_of([line], reason), page_of([dict.fromkeys(FIELDS, "x")], "x")
    assert b"<script" not in hostile.body
    page = Reader(hostile)
    assert page.tags == Reader(harmless).tags
    assert all(re.fullmatch(r"(/|/api/v1/events)(\?[a-z]+=[\w.%+~-]*)?", href) for href in page.links)


@pytest.mark.parametrize("text", HOSTILE)
def test_known_tricks_change_nothing_but_text(text: str) -> None:
    hostile = page_of([{name: str(value) for name, value in hostile_line(text).items()}], text)
    assert Reader(hostile).tags == Reader(page_of([dict.fromkeys(FIELDS, "x")], "x")).tags


def test_what_reorders_or_hides_text_is_written_out() -> None:
    seen = Seen()
    seen.take({**SHELL, "process": "abc\u202egnp.exe\u200b\x1b[31m\ud800"})
    assert r"abc\u202egnp.exe\u200b\x1b[31m\ud800" in read(seen)["Latest events"]


def test_a_very_long_text_is_cut() -> None:
    seen = Seen()
    seen.take({**SHELL, "output": "w" * 5000})
    shown = read(seen)["Latest events"]
    assert "w" * 999 + "…" in shown
    assert "w" * 1000 not in shown


def test_the_browser_is_told_to_run_fetch_keep_and_frame_nothing() -> None:
    answer = Seen().show()
    headers = dict(answer.headers)
    style = re.search(rb"<style>(.*?)</style>", answer.body, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert headers[b"content-security-policy"].decode().split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert headers[b"cache-control"] == b"no-store"
