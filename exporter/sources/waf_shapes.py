"""A WAF's audit record in whatever a log shipper, or Envoy's log, has put around it.

Fluent Bit puts a line as text under `log`, or merged under `log_processed`; Vector under `message`; both put what they
know of the pod that wrote it beside it, under `kubernetes`. Envoy and Istio write Coraza's record into a line of their
own log, after `AuditLog:`, and Istio puts the number of a thread behind it.
"""

import re
from typing import NamedTuple

from exporter.sources import Rejected
from exporter.sources.body import within
from exporter.sources.shapes import Raw
from exporter.sources.text import clean

_MARK = b"AuditLog:"
_ENVOY_LINE = re.compile(rb"^[^{\"\n]*AuditLog:(\{.*\})[^}\n]*$", re.MULTILINE)
_KEYS = ("log_processed", "log", "message", "msg", "event")
WEB_RESOURCES_ACTIVITY = 6001
"""The `class_uid` of OCSF that Coraza uses; others are of other programs."""

_NODES = ("host", "pod_node_name", "node_name")

NO_RECORD = (
    "not an audit record of a WAF: send what SecAuditLogFormat JSON writes (ModSecurity 3, Coraza), an object with a"
    " `transaction`; let the shipper send these lines alone"
)
_FALCO_ALERT = "this is a Falco alert: POST it to /falco"
_LEGACY = (
    "this is the format of ModSecurity 2 (in Coraza: SecAuditLogFormat JsonLegacy), which does not say what was found"
    " in a form that can be read safely: set SecAuditLogFormat JSON"
)
_CUT = (
    "the audit record ends in the middle: the container runtime splits lines at 16 KiB, so let the shipper join them,"
    " and keep bodies out of the record (SecAuditLogParts ABFHZ)"
)


class Found(NamedTuple):
    """A record, and who wrote it: the node and the pod of the proxy, empty where no shipper says."""

    record: Raw
    node: str = ""
    proxy: str = ""


def plain(body: bytes) -> bytes:
    """The body with the records in lines of Envoy's log set free."""
    return _ENVOY_LINE.sub(rb"\1", body) if _MARK in body else body


def found(value: object) -> Found | Rejected:
    """The record in a JSON value, or the refusal of what is none."""
    if type(value) is not dict:
        return Rejected("not_an_alert", NO_RECORD)
    if _is_record(value):
        return _with_its_pod(value, value)
    for key in _KEYS:
        inner = value.get(key)
        if type(inner) is str:
            read = _in_text(inner)
            if isinstance(read, Rejected):
                return read
            inner = read
        if type(inner) is dict and _is_record(inner):
            return _with_its_pod(inner, value)
    if "rule" in value and "output_fields" in value:
        return Rejected("not_an_alert", _FALCO_ALERT)
    if "audit_data" in value:
        return Rejected("not_an_alert", _LEGACY)
    return Rejected("not_an_alert", NO_RECORD)


def _with_its_pod(record: Raw, shipped: Raw) -> Found:
    """A record and what a shipper put beside it; Fluent Bit's Merge_Log puts it into the record itself."""
    about = shipped.get("kubernetes")
    if type(about) is not dict:
        return Found(record)
    node = next((about[name] for name in _NODES if about.get(name)), None)
    return Found(record, clean(node), clean(about.get("pod_name")))


def _is_record(value: Raw) -> bool:
    if type(value.get("transaction")) is dict:
        return "audit_data" not in value
    return value.get("class_uid") == WEB_RESOURCES_ACTIVITY


# What syslog-ng makes of a byte that is no UTF-8: in the record that it quotes, an escape that JSON does not know.
_BYTE = re.compile(r"\\(?:(x[0-9a-f]{2})|.)", re.DOTALL)


def _in_text(text: str) -> Raw | Rejected | None:
    """The object in a line of a log, None if there is none."""
    start = text.find("{")
    # What a client sent is quoted in a log, and may look like a record, or like the mark before one: a record that the
    # WAF wrote has no quote before it, and a mark within a record is part of what was attacked with.
    if start < 0 or '"' in text[:start]:
        return None
    quoted = text[start : text.rfind("}") + 1]
    value = within(quoted)
    if isinstance(value, Rejected) and "\\x" in quoted:
        value = within(_BYTE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], quoted))
    if isinstance(value, Rejected):
        cut = value.reason == "not_json" and '"transaction"' in text
        return Rejected("not_json", _CUT) if cut else value if value.reason == "too_deep" else None
    return value if type(value) is dict else None
