"""Audit records of real WAFs, of all their versions and in every wrapping, and what they must become."""

import json
import sys
from pathlib import Path

import pytest

from exporter.sources import Rejected
from exporter.sources.waf import parse
from exporter.sources.waf_events import CleanRecord, WafEvent
from exporter.sources.waf_places import Place
from exporter.sources.waf_rules import class_of, severity
from exporter.sources.waf_verdict import CLEAN, Verdict, verdict

SAMPLES = Path(__file__).parents[2] / "samples" / "waf"

FOUND = {
    "api_host": ("xss", "941100"),
    "dup_header_xss": ("xss", "941100"),
    "invalid_utf8_header": ("xss", "941100"),
    "invalid_utf8_uri": ("xss", "941100"),
    "json_sqli": ("sqli", "942100"),
    "lfi": ("lfi", "930100"),
    "lfi_traversal": ("lfi", "930100"),
    "nonutf8_raw_header": ("xss", "941100"),
    "nonutf8_uri": ("xss", "941100"),
    "other_host": ("xss", "941100"),
    "php": ("php", "933100"),
    "php_injection": ("php", "933100"),
    "rce": ("lfi", "930120"),
    "rce_shellshock": ("rce", "932170"),
    "rce_unix": ("lfi", "930120"),
    "repeated_header": ("xss", "941100"),
    "rfi": ("rfi", "931100"),
    "scanner": ("scanner", "913100"),
    "scanner_nikto": ("scanner", "913100"),
    "scanner_sqlmap": ("scanner", "913100"),
    "session_fix": ("xss", "941100"),
    "session_fixation": ("xss", "941100"),
    "sqli_get": ("sqli", "942100"),
    "sqli_json": ("sqli", "942100"),
    "sqli_post": ("sqli", "942100"),
    "xss_img": ("xss", "941100"),
    "xss_script": ("xss", "941100"),
}
"""Attack -> class and rule of the first of its most severe findings."""

CLEANS = ("err500", "own_403", "own_500")
"""The application's own refusals and faults, in which the WAF found nothing."""

ONE = (SAMPLES / "modsecurity" / "on_sqli_get.json").read_bytes().strip()
CORAZA = (SAMPLES / "coraza" / "3.8.1-on" / "sqli_get.json").read_bytes().strip()

RECORDED = sorted(SAMPLES.glob("*/**/*.json"))


def case(path: Path) -> tuple[str, str, str]:
    """Engine, what it was set to, and the attack, by the sample's path."""
    if path.parent.name == "modsecurity":
        mode, _, attack = path.stem.partition("_")
        return "modsecurity", mode, attack
    return "coraza", path.parent.name.partition("-")[2], path.stem


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(SAMPLES)))
def test_a_recorded_record_becomes_what_it_is(path: Path) -> None:
    engine, setting, attack = case(path)
    [event] = parse(path.read_bytes(), 10)
    detecting = setting.startswith("detectiononly")
    mode = "unknown" if setting.endswith("-ocsf") else "detection_only" if detecting else "blocking"
    assert not isinstance(event, Rejected)
    assert (event.engine, event.mode) == (engine, mode)
    assert event.time is not None
    assert 1795000000 < event.time < 1797000000
    if attack in CLEANS:
        assert isinstance(event, CleanRecord)
        return
    assert isinstance(event, WafEvent)
    # Without part K Coraza names no rules before 3.4.
    named = path.parent.name not in ("3.2.2-on", "3.3.3-on")
    assert (event.class_, event.rule_id) == (FOUND[attack] if named else ("unknown", ""))
    assert event.severity == ("critical" if named else "unknown")
    assert event.verdict == ("detected" if detecting else "blocked")
    assert event.inferred == (engine == "modsecurity" and not detecting)
    assert event.fields.text("host_asked") in ("shop.example.com", "api.example.org", "evil.example.net")


def test_the_samples_are_of_both_engines_and_of_every_setting() -> None:
    assert len(RECORDED) > 120
    assert {case(path)[0] for path in RECORDED} == {"modsecurity", "coraza"}
    assert {path.parent.name.split("-")[0] for path in RECORDED} >= {"3.2.2", "3.3.3", "3.4.0", "3.7.0", "3.8.1"}
    assert {case(path)[2] for path in RECORDED} <= {*FOUND, *CLEANS}


# What a record says ---------------------------------------------------------------------------------------------------

SQLI, SCORE, REPORT, WARNING, OWN = 942100, 949110, 980170, 920350, 1001

VERDICTS = {
    "the record says that it was stopped": ((True, "detection_only", [], 200), Verdict("blocked")),
    "the record says that it was not, and something was found": ((False, "blocking", [SQLI], 403), Verdict("detected")),
    "the record says that it was not, and nothing was found": ((False, "blocking", [REPORT], 403), CLEAN),
    "an application's own 403": ((None, "blocking", [], 403), CLEAN),
    "an engine that only detects, whatever it adds up": (
        (None, "detection_only", [SQLI, SCORE], 403),
        Verdict("detected"),
    ),
    "an engine that is off": ((None, "off", [OWN], 403), Verdict("detected")),
    "a score that is too high": ((None, "blocking", [SQLI, SCORE], 200), Verdict("blocked", inferred=True)),
    "a score of the answer": ((None, "blocking", [950130, 959100], 200), Verdict("blocked", inferred=True)),
    "a report alone": ((None, "blocking", [WARNING, REPORT], 200), Verdict("detected", inferred=True)),
    "an application's 403 with a low score": ((None, "blocking", [WARNING], 403), Verdict("detected", inferred=True)),
    "a rule of one's own that refuses": ((None, "blocking", [OWN], 403), Verdict("blocked", inferred=True)),
    "a rule of one's own that redirects": ((None, "blocking", [OWN], 200), Verdict("detected", inferred=True)),
    "an unknown engine and a refusal": ((None, "unknown", [SQLI, SCORE], 403), Verdict("blocked", inferred=True)),
    "an unknown engine and an answer": ((None, "unknown", [SQLI, SCORE], 200), Verdict("detected", inferred=True)),
    "no boolean says nothing": (("true", "blocking", [SQLI], 200), Verdict("detected", inferred=True)),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict(name: str) -> None:
    told, expected = VERDICTS[name]
    assert verdict(*told) == expected


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (911100, "method"),
        (920350, "protocol"),
        (922100, "multipart"),
        (930120, "lfi"),
        (934100, "generic"),
        (942100, "sqli"),
        (944100, "java"),
        (952100, "leak"),
        (955100, "web_shell"),
        (905100, "unknown"),
        (1001, "custom"),
        (9500000, "custom"),
    ],
)
def test_the_number_of_a_rule_says_its_class(number: int, name: str) -> None:
    assert class_of(number) == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("2", "critical"),
        (2, "critical"),
        ("5", "notice"),
        (7, "debug"),
        ("CRITICAL", "critical"),
        ("info", "informational"),
        ("0", "unknown"),
        (0, "unknown"),
        (-1, "unknown"),
        ("emergency", "unknown"),
        (True, "unknown"),
        (None, "unknown"),
        ("22", "unknown"),
        (8, "unknown"),
        ("²", "unknown"),
        ([], "unknown"),
    ],
)
def test_zero_and_emergency_are_that_nothing_was_said(written: object, name: str) -> None:
    assert severity(written) == name


def modsecurity(**changes: object) -> bytes:
    record = json.loads(ONE)
    record["transaction"] |= changes
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("identity", "time"),
    [
        ("179531978562.413421", 1795319785.0),
        ("1795319785.4", 1795319785.0),
        ("shop_web_1795319785.4", None),
        ("9f3c", None),
        ("0000000001.5", None),
        (5, None),
        ("1795319785", None),
        ("1795319785.4x", None),
    ],
)
def test_the_time_is_in_an_identity_of_modsecuritys_own(identity: object, time: float | None) -> None:
    [event] = parse(modsecurity(unique_id=identity), 10)
    assert isinstance(event, WafEvent)
    assert event.time == time


@pytest.mark.parametrize(
    ("written", "time"),
    [
        (1795981906348496322, 1795981906348496322 / 1e9),
        (1795981906348, None),
        (2**63, None),
        ("1795981906348496322", None),
    ],
)
def test_the_time_of_coraza_is_in_nanoseconds(written: object, time: float | None) -> None:
    record = json.loads(CORAZA)
    record["transaction"]["unix_timestamp"] = written
    [event] = parse(json.dumps(record).encode(), 10)
    assert isinstance(event, WafEvent)
    assert event.time == time


@pytest.mark.parametrize(
    ("identity", "tags", "place"),
    [
        ("shop_web-frontend_922fbc78", [], Place("shop", "web-frontend")),
        ("shop_web_x_y", [], Place("shop", "web")),
        ("___c591e6fc", [], Place()),
        ("Shop_web_1", [], Place()),
        ("shop_web", [], Place()),
        ("179531978562.413421", ["k8s-ns/shop", "k8s-workload/web"], Place("shop", "web")),
        ("179531978562.413421", ["k8s-ns/shop"], Place("shop", "")),
        ("179531978562.413421", ["k8s-workload/web"], Place()),
        ("179531978562.413421", ["k8s-ns/Not a name"], Place()),
        ("a_b_c", ["k8s-ns/shop"], Place("a", "b")),
    ],
)
def test_the_wafs_own_configuration_may_name_the_workload(identity: str, tags: list[str], place: Place) -> None:
    messages = json.loads(ONE)["transaction"]["messages"]
    messages[-1]["details"]["tags"] += tags  # the rule that adds up: the one that found something has none
    [event] = parse(modsecurity(unique_id=identity, messages=messages), 10)
    assert isinstance(event, WafEvent)
    assert event.named == place


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        ([(949110, "2"), (920350, "4")], "920350"),
        ([(942100, "2"), (941100, "2")], "942100"),
        ([(920350, "4"), (942100, "2")], "942100"),
        ([(1001, "0"), (920350, "5")], "920350"),
        ([(1001, "0"), (1002, "0")], "1001"),
        ([(949110, "2"), (980170, "2")], ""),
    ],
)
def test_the_rule_is_the_first_of_the_most_severe_that_found_something(found: list[tuple[int, str]], rule: str) -> None:
    messages = [{"message": "m", "details": {"ruleId": str(number), "severity": level}} for number, level in found]
    [event] = parse(modsecurity(messages=messages), 10)
    assert isinstance(event, WafEvent)
    assert event.rule_id == rule


FORGED = '"] [file "x"] [line "1"] [id "911100"] [rev ""] [msg "m"] [data "d"] [severity "debug"] [tag "k8s-ns/victim"]'


@pytest.mark.parametrize("where", ["message", "msg", "data", "uri"])
def test_a_client_cannot_forge_what_an_error_message_says(where: str) -> None:
    """Coraza writes the rule's own message without quotes in front of the details, and all else quoted as Go does."""

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    text = {name: FORGED if name == where else "x" for name in ("message", "msg", "data", "uri")}
    message = (
        f'[client "1.2.3.4"] Coraza: Warning. {text["message"]} [file "f.conf"] [line "2"] [id "942100"] [rev ""] '
        f'[msg {quoted(text["msg"])}] [data {quoted(text["data"])}] [severity "critical"] [ver "v"] [maturity "0"] '
        f'[accuracy "0"] [tag "attack-sqli"] [hostname ""] [uri {quoted(text["uri"])}] [unique_id "u"]'
    )
    record = json.loads(CORAZA) | {"messages": [{"error_message": message, "data": None}]}
    [event] = parse(json.dumps(record).encode(), 10)
    assert isinstance(event, WafEvent)
    assert event[1:5] == ("sqli", "942100", "critical", "blocked")
    assert event.named == Place()


def test_an_event_holds_little_and_the_last_of_a_thousand_findings_counts() -> None:
    """Some wait for their lines to be made, and a client may make a WAF find very much."""
    long = "\U0001f600" * 500_000
    low = [
        {"message": long[:9], "details": {"ruleId": str(920000 + at), "severity": "4", "data": "x"}}
        for at in range(999)
    ]
    worst = {"message": long, "details": {"ruleId": "942100", "severity": "2", "data": long, "tags": [long] * 9}}
    body = modsecurity(messages=[*low, worst], request={"uri": long, "method": long, "headers": {"Host": long}})
    [event] = parse(body, 10)
    assert isinstance(event, WafEvent)
    assert event.rule_id == "942100"
    held = [getattr(event.fields, name) for name in event.fields.__slots__]
    assert sum(sys.getsizeof(value) for value in (*event, *held)) < 64 * 1024


def test_one_byte_does_not_hide_a_record() -> None:
    """libmodsecurity writes what it got into its JSON, valid or not."""
    for hiding in (b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\x01", b"\x00"):
        [event] = parse(ONE.replace(b"Mozilla", hiding), 10)
        assert isinstance(event, WafEvent), hiding
        [event] = parse(json.dumps({"log": ONE.decode()}).encode().replace(b"Mozilla", hiding), 10)
        assert isinstance(event, WafEvent), hiding


def test_a_repeated_header_hides_nothing() -> None:
    body = ONE.replace(b'"Accept":', b'"transaction":{},"messages":[],"Host":"evil.example.net","Accept":')
    [event] = parse(body, 10)
    assert isinstance(event, WafEvent)
    assert event[1:5] == ("sqli", "942100", "critical", "blocked")
