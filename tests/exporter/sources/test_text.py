"""Values of any kind become text that cannot break a page."""

import pytest

from exporter.catalog import MAX_LABEL_BYTES
from exporter.sources.text import clean


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("web", "web"),
        ("Grüße 東京 🐙", "Grüße 東京 🐙"),
        (" spaces stay ", " spaces stay "),
        (None, ""),
        ("", ""),
        ("<NA>", ""),
        (0, "0"),
        (-1, "-1"),
        (2**64 - 1, "18446744073709551615"),
        (18446744073709551616.0, "18446744073709551616"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, "true"),
        (False, "false"),
        (["a", 1, None, ["b"]], "a,1,,b"),
        ([], ""),
        ({"a": ["é", None]}, '{"a": ["é", null]}'),
        ("a\tb\r\nc", "a b c"),
        ("a\x00b\x7fc\x9fd\u2028e", "a b c d e"),
        ("a\ud800b\udfffc", "a\ufffdb\ufffdc"),
        ("exe\u202egpj.\u2066x", "exe\ufffdgpj.\ufffdx"),
        ({"\ud800": "\n"}, '{"\ufffd": "\\n"}'),
        (["\ud800", "\x1b[31m"], "\ufffd, [31m"),
        ("non\u00a0breaking", "non\u00a0breaking"),
    ],
)
def test_a_value_becomes_clean_text(value: object, expected: str) -> None:
    assert clean(value) == expected


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * MAX_LABEL_BYTES) == "x" * MAX_LABEL_BYTES
    assert clean("x" * (MAX_LABEL_BYTES + 1)) == "x" * (MAX_LABEL_BYTES - 3) + "…"
    assert clean(["x" * 300]) == "x" * (MAX_LABEL_BYTES - 3) + "…"
    assert clean("x" * 20, limit=10) == "x" * 7 + "…"
    assert clean("\x00" * 20, limit=10) == " …"


@pytest.mark.parametrize("sign", ["é", "€", "😀", "e\u0301"])
def test_text_is_bounded_in_bytes_and_no_sign_is_cut_in_two(sign: str) -> None:
    for length in range(1, 300):
        text = clean(sign * length)
        assert len(text.encode()) <= MAX_LABEL_BYTES
        assert text == sign * length or sign * length == text[:-1] + (sign * length)[len(text) - 1 :]
