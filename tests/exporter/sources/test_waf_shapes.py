"""A WAF's record in every wrapping, and what is said of what is none."""

import json
from pathlib import Path

import pytest

from exporter.sources import Rejected
from exporter.sources.waf import parse
from exporter.sources.waf_events import WafEvent

SAMPLES = Path(__file__).parents[2] / "samples" / "waf"

ONE = (SAMPLES / "modsecurity" / "on_sqli_get.json").read_bytes().strip()
CORAZA = (SAMPLES / "coraza" / "3.8.1-on" / "sqli_get.json").read_bytes().strip()
AT = {"namespace_name": "ingress", "pod_name": "nginx-7d4b9c-x2x1z", "host": "node-1"}
TEXT = CORAZA.decode()


def wrapped(**keys: object) -> bytes:
    return json.dumps(keys).encode()


WRAPPINGS = {
    "as it is": ONE,
    "with a line end": ONE + b"\n",
    "an array": b"[" + ONE + b"]",
    "Fluent Bit": wrapped(date=1795981906.3, log=ONE.decode() + "\n", stream="stdout", kubernetes=AT),
    "Fluent Bit, merged": wrapped(date=1795981906.3, log=ONE.decode(), log_processed=json.loads(ONE), kubernetes=AT),
    "Fluent Bit without a parser for CRI": wrapped(log="2026-11-29T19:51:46.3Z stdout F " + ONE.decode()),
    "Fluent Bit, merged at the top": json.dumps(json.loads(ONE) | {"kubernetes": AT}).encode(),
    "Vector": wrapped(message=ONE.decode(), kubernetes={"pod_node_name": "node-1", "pod_name": "nginx-7d4b9c-x2x1z"}),
    "Coraza": CORAZA,
    "Envoy's log": b"[2026-11-29 19:51:46.348][21][critical][wasm] [ctx.cc:1196] wasm log coraza my_vm: AuditLog:"
    + CORAZA,
    "Istio's log": b"2026-11-29T19:51:46.348Z\tcritical\tenvoy wasm external/envoy/ctx.cc:1196\twasm log: AuditLog:"
    + CORAZA
    + b"\tthread=31\n",
    "Envoy's log, shipped": wrapped(log="[2026-11-29][21][critical][wasm] wasm log x: AuditLog:" + TEXT, kubernetes=AT),
    "Istio's log, shipped": wrapped(message="2026\tcritical\tenvoy wasm\twasm log: AuditLog:" + TEXT + "\tthread=31"),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_record_is_found_in_every_wrapping(name: str) -> None:
    [event] = parse(WRAPPINGS[name], 10)
    assert isinstance(event, WafEvent)
    assert event[1:5] == ("sqli", "942100", "critical", "blocked")
    if b"kubernetes" in WRAPPINGS[name]:
        assert (event.hostname, event.describe()["proxy"]) == ("node-1", "nginx-7d4b9c-x2x1z")


@pytest.mark.parametrize("name", ["on_nonutf8_raw_header", "on_nonutf8_uri"])
def test_a_record_that_syslog_ng_quotes_is_read_whatever_bytes_it_holds(name: str) -> None:
    """Its `$(format-json)` writes a byte that is no UTF-8 as `\\xff`; one such byte must hide no attack."""
    record = (SAMPLES / "modsecurity" / f"{name}.json").read_bytes().decode("utf-8", "backslashreplace")
    assert "\\xff" in record
    [event] = parse(wrapped(log=record), 10)
    assert isinstance(event, WafEvent)
    assert event[1:5] == ("xss", "941100", "critical", "blocked")


@pytest.mark.parametrize("sent", ["AuditLog:", "AuditLog:{", "AuditLog:{}"])
@pytest.mark.parametrize("before", ["", "2026-11-29T19:51:46.3Z stdout F "])
def test_who_sends_the_mark_of_envoys_log_hides_no_attack(sent: str, before: str) -> None:
    record = json.loads(ONE)
    record["transaction"]["request"]["headers"]["User-Agent"] = sent
    [event] = parse(wrapped(log=before + json.dumps(record)), 10)
    assert isinstance(event, WafEvent)
    assert event.rule_id == "942100"


@pytest.mark.parametrize("mark", ["AuditLog:", "", "[critical][wasm] wasm log x: AuditLog:"])
def test_what_a_client_wrote_into_an_access_log_is_no_record(mark: str) -> None:
    """Envoy's default access log has headers in quotes, and does not escape what is in them."""
    line = f'[2026-11-29T19:51:46.348Z] "GET / HTTP/1.1" 200 - 0 0 1 - "-" "{mark}{TEXT}" "id" "host"'
    for body in (line.encode(), wrapped(log=line, kubernetes=AT), WRAPPINGS["Envoy's log"] + b"\n" + line.encode()):
        *_, last = parse(body, 10)
        assert isinstance(last, Rejected)


@pytest.mark.parametrize("number", [2026112901, "2026112901", "202611291200"])
def test_a_rule_with_a_long_number_is_found(number: object) -> None:
    record = json.loads(ONE)
    del record["transaction"]["messages"][1:]
    record["transaction"]["messages"][0]["details"]["ruleId"] = number
    [event] = parse(json.dumps(record).encode(), 10)
    assert isinstance(event, WafEvent)
    assert (event.rule_id, event.class_, event.verdict) == (str(number), "custom", "blocked")


@pytest.mark.parametrize("between", [b"\n", b"", b",", b"\n\n", b"\r\n"])
def test_many_wrappings_in_one_body_are_as_many_events(between: bytes) -> None:
    lines = [text for name, text in WRAPPINGS.items() if "log" not in name and name != "an array"]
    found = parse(between.join(text.strip() for text in lines), 100)
    assert [isinstance(event, WafEvent) for event in found] == [True] * len(lines)


def test_lines_of_a_log_that_are_no_records_are_refused_each_and_lose_nothing_else() -> None:
    lines = [
        WRAPPINGS["Envoy's log"],
        b"[2026-11-29][21][info][main] starting main dispatch loop",
        WRAPPINGS["Istio's log"].strip(),
    ]
    first, refused, last = parse(b"\n".join(lines), 10)
    assert isinstance(first, WafEvent)
    assert isinstance(last, WafEvent)
    assert isinstance(refused, Rejected)
    assert refused.reason == "not_json"


REFUSED = {
    "text": (b"ModSecurity: Warning. Matched something", "not_json", "SecAuditLogFormat JSON"),
    "an access line": (wrapped(log='10.0.0.1 - - "GET / HTTP/1.1" 200'), "not_an_alert", "send these lines alone"),
    "a Falco alert": (b'{"rule":"x","output":"y","output_fields":{}}', "not_an_alert", "POST it to /falco"),
    "an event of OCSF by another program": (b'{"class_uid":3002,"time":1}', "not_an_alert", "not an audit record"),
    "ModSecurity 2": (
        b'{"transaction":{"time":"x"},"request":{},"audit_data":{"messages":["a"]}}',
        "not_an_alert",
        "SecAuditLogFormat JSON",
    ),
    "half a record": (wrapped(log=ONE.decode()[:900], kubernetes=AT), "not_json", "16 KiB"),
    "a list": (b"[[]]", "not_an_alert", "not an audit record"),
    "deep in a text": (
        wrapped(log='{"transaction":{}, "a":' + "[" * 99 + "]" * 99 + "}"),
        "too_deep",
        "more than 64 levels",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_record_is_refused_with_the_sentence_that_helps(name: str) -> None:
    body, reason, words = REFUSED[name]
    [found] = parse(body, 10)
    assert isinstance(found, Rejected)
    assert (found.reason, words in found.message) == (reason, True), found
