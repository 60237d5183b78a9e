"""Audit records of ModSecurity 3 and Coraza, as they themselves, a log shipper or Envoy's log send them."""

import re
from typing import TypeAlias

from exporter.sources import Rejected, Source, waf_rules, waf_shapes
from exporter.sources.body import documents
from exporter.sources.waf_events import CleanRecord, Details, Place, WafEvent
from exporter.sources.waf_records import Record, read
from exporter.sources.waf_rules import Finding
from exporter.sources.waf_shapes import Found
from exporter.sources.waf_verdict import verdict

WafRecord: TypeAlias = WafEvent | CleanRecord

_NAME = "[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
# `_` cannot be in a name of Kubernetes, and `.` and `/` cannot be in an identity that ingress-nginx takes.
_IDENTITY = re.compile(f"({_NAME})_({_NAME})_.+")
_NAMESPACE_TAG = "k8s-ns/"
_WORKLOAD_TAG = "k8s-workload/"


def parse(body: bytes, max_events: int) -> list[WafRecord | Rejected]:
    """The records in a decompressed body, in their order, a `Rejected` in the place of each that is none."""
    return [_event(value) for value in documents(waf_shapes.plain(body), max_events, WAF.hint)]


def _event(value: object) -> WafRecord | Rejected:
    if type(value) is Rejected:
        return value
    found = waf_shapes.found(value)
    if isinstance(found, Rejected):
        return found
    record = read(found.record)
    numbers = [finding.number for finding in record.findings]
    became = verdict(record.interrupted, record.mode, numbers, record.status)
    if not became.name:
        return CleanRecord(record.engine, found.node, record.time, record.mode, Details(record, None, found.proxy))
    return _finding(found, record, became.name, became.inferred)


def _finding(found: Found, record: Record, became: str, inferred: bool) -> WafEvent:
    findings = [finding for finding in record.findings if not waf_rules.evaluates(finding.number)]
    worst = waf_rules.worst(findings) if findings else None
    return WafEvent(
        record.engine,
        waf_rules.class_of(worst.number) if worst else "unknown",
        str(worst.number) if worst else "",
        worst.severity if worst else "unknown",
        became,
        "",
        "",
        "",
        found.node,
        record.time,
        record.mode,
        inferred,
        _named(record),
        Details(record, worst, found.proxy),
    )


def _named(record: Record) -> Place:
    """The workload that the WAF's configuration names: in the transaction's identity, or in the tags of its rules."""
    identity = record.identity
    found = _IDENTITY.fullmatch(identity) if type(identity) is str else None
    if found is not None:
        return Place(found[1], found[2])
    return _tagged(record.findings)


def _tagged(findings: list[Finding]) -> Place:
    namespace = workload = ""
    for finding in findings:
        for tag in finding.tags if type(finding.tags) is list else ():
            if type(tag) is not str:
                continue
            if tag.startswith(_NAMESPACE_TAG):
                namespace = namespace or tag[len(_NAMESPACE_TAG) :]
            elif tag.startswith(_WORKLOAD_TAG):
                workload = workload or tag[len(_WORKLOAD_TAG) :]
    return Place(_name(namespace), _name(workload) if namespace else "")


def _name(text: str) -> str:
    return text if re.fullmatch(_NAME, text) else ""


WAF = Source("waf", parse, "set SecAuditLogFormat JSON in the WAF's configuration")
