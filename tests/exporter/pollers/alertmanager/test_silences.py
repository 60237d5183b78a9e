"""What a silence says, by Alertmanager's own rules of matching and by what people write into it."""

import json
from pathlib import Path

import pytest

from exporter.pollers.alertmanager.silences import Matcher, read, timestamp, verdict
from exporter.pollers.patterns import matches

SAMPLES = Path(__file__).parents[3] / "samples" / "alertmanager"

COMMENTS = {
    "FP: a backup": "false_positive",
    "fp:": "false_positive",
    "  TP : real": "true_positive",
    "BREACH: customers' data": "breach",
    "breach:x": "breach",
    "ACK! looking": "",
    "FP": "",
    "FPGA: broken": "",
    "no FP: it is real": "",
    "": "",
    "TP\n: x": "true_positive",
}


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_verdict_is_a_word_with_a_colon_at_the_beginning(comment: str) -> None:
    assert verdict(comment, {}) == COMMENTS[comment]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("fp", "false_positive"), (" Breach ", "breach"), ("true_positive", "true_positive"), ("x", "true_positive")],
)
def test_an_annotation_goes_before_the_comment(given: str, expected: str) -> None:
    assert verdict("TP: x", {"verdict": given}) == expected


@pytest.mark.parametrize(
    ("matcher", "labels", "expected"),
    [
        (Matcher("a", "x", False, True), {"a": "x"}, True),
        (Matcher("a", "x", False, False), {"a": "x"}, False),
        (Matcher("a", "", False, True), {}, True),
        (Matcher("a", "x.*", True, True), {"a": "xyz"}, True),
        (Matcher("a", "y", True, True), {"a": "xyz"}, False),
        (Matcher("a", "x.*", True, False), {"b": "xyz"}, True),
        (Matcher("a", "x.y", True, True), {"a": "x\ny"}, True),
        (Matcher("a", "(?i)X", True, True), {"a": "x"}, True),
        (Matcher("a", "(", True, True), {"a": "("}, False),
        (Matcher("a", "(", True, False), {"a": "("}, False),
        (Matcher("a", r"\d+", True, True), {"a": "٣"}, False),
        (Matcher("a", "\ud800", True, True), {"a": "x"}, False),
    ],
)
def test_a_matcher_matches_as_alertmanager_does(matcher: Matcher, labels: dict[str, str], expected: bool) -> None:
    assert matcher.matches(labels) is expected


def test_a_pattern_that_keeps_other_engines_busy_takes_no_time() -> None:
    assert matches("(a*)*b", "a" * 5000) is False
    assert matches("(.*)(.*)(.*)(.*)(.*)[^x]y", "x" * 5000) is False
    assert matches("((a{100}){100}){100}", "a") is None, "too large"


@pytest.mark.parametrize("sample", ["silences_t2.json", "silences_t3_after_edits.json"])
def test_recorded_silences_are_read(sample: str) -> None:
    found = [read(one) for one in json.loads((SAMPLES / sample).read_text())]
    assert found
    for one in found:
        assert one.starts < one.ends
        assert one.starts - 1 <= one.updated
        assert one.matchers
    assert {one.verdict for one in found} >= {"true_positive"}
    assert all(one.alertname for one in found)


def test_a_silence_that_names_two_alerts_or_a_pattern_names_none() -> None:
    def named(*matchers: dict[str, object]) -> str:
        when = "2026-11-01T10:00:00Z"
        return read({"id": 1, "matchers": matchers, "startsAt": when, "endsAt": when, "updatedAt": when}).alertname

    equal = {"name": "alertname", "value": "A", "isRegex": False}
    assert named(equal) == "A"
    assert named(equal, {**equal, "value": "B"}) == ""
    assert named({**equal, "isRegex": True}) == ""
    assert named({**equal, "isEqual": False}) == ""


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        timestamp(text)


def test_the_zero_time_of_go_is_0() -> None:
    assert timestamp("0001-01-01T00:00:00Z") == 0.0
    assert timestamp("1970-01-01T00:00:01.5+00:00") == 1.5
