"""Audit records of ModSecurity 3 and Coraza, as they themselves, a log shipper or Envoy's log send them."""

from typing import TypeAlias

from exporter.sources import Rejected, Source, waf_places, waf_rules, waf_shapes
from exporter.sources.body import documents
from exporter.sources.waf_events import CleanRecord, Details, WafEvent
from exporter.sources.waf_records import Record, read
from exporter.sources.waf_shapes import Found
from exporter.sources.waf_verdict import Verdict, verdict

WafRecord: TypeAlias = WafEvent | CleanRecord


def parse(body: bytes, max_events: int) -> list[WafRecord | Rejected]:
    """The records in a decompressed body, in their order, a `Rejected` in the place of each that is none."""
    values = documents(body, max_events, WAF.hint)
    if any(type(value) is Rejected for value in values) and (plain := waf_shapes.plain(body)) is not body:
        values = documents(plain, max_events, WAF.hint)
    tagged = waf_places.MARK in body
    return [_event(value, tagged) for value in values]


def _event(value: object, tagged: bool) -> WafRecord | Rejected:
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
    return _finding(found, record, became, tagged)


def _finding(found: Found, record: Record, became: Verdict, tagged: bool) -> WafEvent:
    worst = waf_rules.worst(record.findings)
    return WafEvent(
        record.engine,
        waf_rules.class_of(worst.number) if worst else "unknown",
        str(worst.number) if worst else "",
        worst.severity if worst else "unknown",
        became.name,
        "",
        "",
        "",
        found.node,
        record.time,
        record.mode,
        became.inferred,
        waf_places.named(record, tagged),
        Details(record, worst, found.proxy),
    )


WAF = Source("waf", parse, "set SecAuditLogFormat JSON in the WAF's configuration", small=True)
