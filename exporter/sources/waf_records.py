"""Audit records of libmodsecurity 3 and Coraza, in Coraza's OCSF form too: read into one `Record`.

Shapes follow owasp-modsecurity/ModSecurity `src/transaction.cc` (`toJSON`) and corazawaf/coraza
`internal/auditlog/{auditlog,formats_ocsf}.go` and `internal/corazarules/rule_match.go`. Every key may be missing or of
another type.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, cast

from exporter.sources import waf_rules
from exporter.sources.body import within
from exporter.sources.shapes import Raw
from exporter.sources.waf_rules import Finding
from exporter.sources.waf_verdict import mode_of


class Record(NamedTuple):
    """What a record says, of whatever engine.

    `findings` are all rules that matched, also those that only evaluate. `interrupted` is a boolean where the record
    has it. `host` is what the client asked for, by the proxy's word where there is one, `time` a Unix time. Texts are
    as they were sent.
    """

    engine: str
    mode: str
    interrupted: object
    findings: list[Finding]
    status: int
    identity: object
    time: float | None
    host: object
    client: object
    method: object
    uri: object


def read(value: Raw) -> Record:
    """The record in an object that has a `transaction` or is of OCSF."""
    if "transaction" not in value:
        return _ocsf(value)
    transaction = _object(value.get("transaction"))
    if "time_stamp" in transaction or "unique_id" in transaction:
        return _modsecurity(transaction)
    return _coraza(transaction, value.get("messages"))


def _modsecurity(transaction: Raw) -> Record:
    request = _object(transaction.get("request"))
    identity = transaction.get("unique_id")
    return Record(
        "modsecurity",
        mode_of(_object(transaction.get("producer")).get("secrules_engine")),
        transaction.get("is_interrupted"),
        list(_modsecurity_findings(transaction.get("messages"))),
        _number(_object(transaction.get("response")).get("http_code")),
        identity,
        _time_of(identity),
        _served_by_nginx(transaction, request) or _host(request.get("headers")),
        transaction.get("client_ip"),
        request.get("method"),
        request.get("uri"),
    )


def _modsecurity_findings(messages: object) -> Iterator[Finding]:
    for item in _array(messages):
        message = _object(item)
        get = _object(message.get("details")).get
        number = _number(get("ruleId"))
        if number:
            severity = waf_rules.severity(get("severity"))
            yield Finding(number, severity, message.get("message"), get("data"), get("tags"))


def _coraza(transaction: Raw, messages: object) -> Record:
    request = _object(transaction.get("request"))
    return Record(
        "coraza",
        mode_of(_object(transaction.get("producer")).get("rule_engine")),
        transaction.get("is_interrupted"),
        list(_coraza_findings(messages)),
        _number(_object(transaction.get("response")).get("status")),
        transaction.get("id"),
        _nanoseconds(transaction.get("unix_timestamp")),
        _text(transaction.get("server_id")) or _host(request.get("headers")),
        transaction.get("client_ip"),
        request.get("method"),
        request.get("uri"),
    )


def _coraza_findings(messages: object) -> Iterator[Finding]:
    for item in _array(messages):
        message = _object(item)
        finding = _of_data(message.get("data")) or _of_text(message.get("error_message"))
        if finding is not None:
            yield finding


def _of_data(sent: object) -> Finding | None:
    """A rule of a record with part K."""
    data = _object(sent)
    number = _number(data.get("id"))
    if not number:
        return None
    severity = waf_rules.severity(data.get("severity"))
    return Finding(number, severity, data.get("msg"), data.get("data"), data.get("tags"))


# Nothing here is tried twice (`*+`): to be able to, the expression would keep a hundred bytes for each character.
_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_DETAILS = re.compile(
    rf"\[file {_QUOTED}\] \[line {_QUOTED}\] \[id {_QUOTED}\] \[rev {_QUOTED}\] \[msg {_QUOTED}\] \[data {_QUOTED}\]"
    rf" \[severity {_QUOTED}\]"
)
_TAG = re.compile(rf" \[tag {_QUOTED}\]")
_ESCAPED = re.compile(r"\\(?:x[0-9a-f]{2}|[nrt]|(.))")


def _of_text(sent: object) -> Finding | None:
    """A rule of a record without part K, from the text of its error message.

    Before the details stands the rule's message without quotes, which may quote the client; behind them all is quoted.
    So the last details are the true ones.
    """
    text = _text(sent)
    matches = list(_DETAILS.finditer(text))
    if not matches:
        return None
    details = matches[-1]
    number = _number(details[3])
    if not number:
        return None
    message, data = (_ESCAPED.sub(lambda escaped: escaped[1] or " ", part) for part in (details[5], details[6]))
    tags = []
    at = details.end()
    while (tag := _TAG.search(text, at)) is not None:
        tags.append(tag[1])
        at = tag.end()
    return Finding(number, waf_rules.severity(details[7]), message, data, tags)


def _ocsf(value: Raw) -> Record:
    """A record as an event of OCSF 1.2, Web Resources Activity."""
    request = _object(value.get("http_request"))
    headers = {_text(one.get("name")): one.get("value") for one in map(_object, _array(request.get("http_headers")))}
    action = _text(value.get("action")).lower()
    return Record(
        "coraza",
        "unknown",
        action == "denied" if action in ("denied", "allowed") else None,
        list(_ocsf_findings(value.get("enrichments"))),
        _number(_object(value.get("http_response")).get("code")),
        request.get("uid"),
        _nanoseconds(value.get("time")),
        _server(value.get("observables")) or _host(headers),
        _object(value.get("src_endpoint")).get("ip"),
        request.get("http_method"),
        _object(request.get("url")).get("url_string"),
    )


def _ocsf_findings(enrichments: object) -> Iterator[Finding]:
    for enrichment in _array(enrichments):
        data = _object(enrichment).get("data")
        finding = _of_data(within(data) if type(data) is str else data)
        if finding is not None:
            yield finding


# A client may send one host by which the proxy goes, in the request line or as `:authority`, and another one in the
# header Host. So the proxy's own word goes first, where the record has it.


def _served_by_nginx(transaction: Raw, request: Raw) -> str:
    """The host that the connector says was asked for; ModSecurity puts the server's address where it says nothing."""
    hostname = _text(request.get("hostname"))
    return "" if hostname == transaction.get("host_ip") else hostname


def _server(observables: object) -> str:
    """What OCSF has of Coraza's `server_id`."""
    named = [one.get("value") for one in map(_object, _array(observables)) if one.get("name") == "ServerID"]
    return _text(named[0]) if named else ""


def _host(headers: object) -> object:
    """The Host that the client asked for. Names of headers are as the client wrote them, over HTTP/2 in lower case."""
    for name, value in _object(headers).items():
        if len(name) == len("host") and name.lower() == "host":
            return value[0] if type(value) is list and value else value
    return None


# `modsecurity_transaction_id` unset: seconds since 1970 in ten digits, and decimals of a random number.
_UNIQUE_ID = re.compile(r"(1\d{9}|2\d{9})\d*\.\d+")


def _time_of(identity: object) -> float | None:
    """When a request of ModSecurity came: its time stamp has no zone, and its own kind of identity begins with one."""
    found = _UNIQUE_ID.fullmatch(identity) if type(identity) is str else None
    return float(found[1]) if found else None


_MIN_NANOSECONDS = 10**17  # in 1973: a smaller number is in another unit


def _nanoseconds(value: object) -> float | None:
    if type(value) is not int or not _MIN_NANOSECONDS < value < 2**63:
        return None
    return value / 1e9


def _object(value: object) -> Raw:
    return cast("Raw", value) if type(value) is dict else {}


def _array(value: object) -> list[object]:
    return value if type(value) is list else []


def _text(value: object) -> str:
    return value if type(value) is str else ""


_MAX_DIGITS = 18  # rules of one's own may be numbered by date and time; all are below 2**63


@lru_cache(maxsize=4096)
def _digits(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _number(value: object) -> int:
    """A whole number, or its digits; 0 for all else."""
    if type(value) is str and len(value) <= _MAX_DIGITS:
        return _digits(value)
    return value if type(value) is int and 0 < value < 10**_MAX_DIGITS else 0
