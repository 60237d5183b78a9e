"""`falco.tuning` and `waf.tuning` as they are written; what they do to an event is in `exporter/intake/tuning.py`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.catalog import FINDINGS, LABELS, METRICS, PRIORITIES
from exporter.catalog.watch import DRILL
from exporter.config.kinds import REASON, choice
from exporter.config.schema import Matching, setting


def labels(control: str) -> tuple[str, ...]:
    """The labels that a `match` of this control may name."""
    return METRICS[FINDINGS[control].counted].labels


WAF_FIELDS = ("uri", "method", "client", "status", "host_asked", "variable", "message")
"""What else a `match` of `waf.tuning` may name; for Falco it is any of the alert's output_fields."""


def _closed(control: str) -> dict[str, tuple[str, ...]]:
    closed = {label: LABELS[label].values for label in labels(control)}
    return {label: ("", *values) for label, values in closed.items() if values}


@dataclass(frozen=True, slots=True, kw_only=True)
class FalcoEntry:
    """One entry of `falco.tuning`: `match` maps a name to the texts of which one must fit; `*` in a text is a glob."""

    match: Mapping[str, tuple[str, ...]] = setting(Matching(_closed("ids")), change="live", required=True)
    action: str = setting(choice(("suppress", "set_priority")), change="live", required=True)
    priority: str | None = setting(choice(PRIORITIES), change="live")
    reason: str = setting(REASON, change="live", required=True)

    @property
    def severity(self) -> str | None:
        """What the events shall have as severity, None if they are suppressed."""
        return self.priority

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        yield from _faults(self.action, "priority", self.priority)
        yield from _taken(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class WafEntry:
    """One entry of `waf.tuning`, as one of `falco.tuning`."""

    match: Mapping[str, tuple[str, ...]] = setting(
        Matching(_closed("waf"), (*labels("waf"), *WAF_FIELDS)), change="live", required=True
    )
    action: str = setting(choice(("suppress", "set_severity")), change="live", required=True)
    severity: str | None = setting(choice(PRIORITIES), change="live")
    reason: str = setting(REASON, change="live", required=True)

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        yield from _faults(self.action, "severity", self.severity)
        yield from _taken(self.reason)


Entry = FalcoEntry | WafEntry


def _faults(action: str, setting_name: str, level: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    if action == f"set_{setting_name}" and level is None:
        yield (setting_name, "action"), f"is missing: {action} needs one of {', '.join(PRIORITIES)}"
    if action == "suppress" and level is not None:
        sentence = f"has no use with action suppress: take it out, or write action: set_{setting_name}"
        yield (setting_name, "action"), sentence


def _taken(reason: str) -> Iterator[tuple[tuple[str, ...], str]]:
    if reason == DRILL:  # no alarm looks at what is suppressed for it
        yield ("reason",), f"must be other words: as {DRILL!r} the events of drills are suppressed"
