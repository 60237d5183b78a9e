"""What the status page says: read from the metrics and the recent events when somebody asks for it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter import catalog
from exporter.events import Record
from exporter.metrics import Metrics
from exporter.pages.events import FILTERS

SHOWN_EVENTS = 50
"""Events on the page, newest first; `/api/v1/events` has all that are kept."""

BUSIEST = 10
"""Rules, namespaces and suppressions on the page, those with the most alerts first."""


@dataclass(frozen=True, slots=True)
class ControlStatus:
    """One control: the parts of it that are expected, when it last spoke (Unix time), and how much was taken from it.

    `last` is None where no series tells: never, or so long ago that it expired. So is `proven`, when its newest drill
    was counted.
    """

    control: str
    expected: tuple[str, ...]
    last: float | None
    nodes: int
    accepted: int
    rejected: int
    proven: float | None

    @property
    def pushed(self) -> bool:
        """Are its events sent to the receiver at all?"""
        return self.control in catalog.PUSHED


@dataclass(frozen=True, slots=True)
class FamilyStatus:
    """How full a stored family is, in series, and how many events found no series of their own."""

    name: str
    held: int
    limit: int
    overflowed: int
    expired: int


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that changes on the page. Times are Unix times; lists have the largest numbers first.

    `configured` is when the configuration in use was read, None before any was. `matching` of the `kept` events fit
    the filter; `events` are the newest of them.
    """

    now: float
    configured: float | None
    last_reload_good: bool
    lines_dropped: int
    controls: list[ControlStatus]
    rejected: list[tuple[str, str, int]]
    suppressed: list[tuple[str, str, str, int]]
    rules: list[tuple[str, str, int]]
    namespaces: list[tuple[str, int]]
    families: list[FamilyStatus]
    wanted: dict[str, str]
    kept: int
    matching: int
    events: list[Record]

    @property
    def accepted(self) -> bool:
        """Has any event been accepted yet?"""
        return any(control.accepted or control.last is not None for control in self.controls)

    @property
    def received(self) -> bool:
        """Has anything arrived yet, accepted or not?"""
        return self.accepted or bool(self.rejected)


def look(metrics: Metrics, recent: Iterable[Record], now: float, wanted: Mapping[str, str]) -> Status:
    """What there is to say now; `wanted` are the parameters of `/api/v1/events` that narrow the events."""
    configured = metrics.values("threat_config_reload_timestamp_seconds")[()]
    rules, namespaces = _busiest(metrics)
    records = list(recent)
    matching = _matching(records, wanted) if wanted else records
    return Status(
        now=now,
        configured=configured or None,
        last_reload_good=bool(metrics.values("threat_config_reload_success")[()]),
        lines_dropped=int(metrics.values("threat_event_lines_dropped_total")[()]),
        controls=_controls(metrics),
        rejected=_rejected(metrics),
        suppressed=_suppressed(metrics),
        rules=rules,
        namespaces=namespaces,
        families=_families(metrics),
        wanted=dict(wanted),
        kept=len(records),
        matching=len(matching),
        events=matching[:SHOWN_EVENTS],
    )


def _controls(metrics: Metrics) -> list[ControlStatus]:
    """The controls that are expected here or that ever sent anything."""
    expected = metrics.values("threat_control_expected")
    accepted = metrics.values("threat_events_accepted_total")
    rejected: Counter[str] = Counter()
    for (control, _), count in metrics.values("threat_events_rejected_total").items():
        rejected[control] += int(count)
    seen = _times(metrics, "threat_last_event_timestamp_seconds")
    proven = _times(metrics, "threat_drill_last_success_timestamp_seconds")
    found = [
        ControlStatus(
            control,
            tuple(component for (owner, component), value in expected.items() if owner == control and value),
            max(seen[control], default=None),
            len(seen[control]),
            int(accepted[(control,)]),
            rejected[control],
            max(proven[control], default=None),
        )
        for control in catalog.CONTROLS
    ]
    return [one for one in found if one.expected or one.accepted or one.rejected or one.last is not None]


def _times(metrics: Metrics, gauge: str) -> dict[str, list[int]]:
    """The Unix times that a gauge by control and node has for each control."""
    found: dict[str, list[int]] = {control: [] for control in catalog.CONTROLS}
    for sample in metrics.store.families[gauge].samples():
        found[sample.labels[0]].append(sample.value)
    return found


def _rejected(metrics: Metrics) -> list[tuple[str, str, int]]:
    """Control, reason, count."""
    counts = metrics.values("threat_events_rejected_total").items()
    rows = [(control, reason, int(count)) for (control, reason), count in counts if count]
    return sorted(rows, key=lambda row: -row[-1])


def _suppressed(metrics: Metrics) -> list[tuple[str, str, str, int]]:
    """Control, rule, reason of the tuning entry, count."""
    rows = [
        (control, sample.labels[0], sample.labels[1], sample.value)
        for control, findings in catalog.FINDINGS.items()
        for sample in metrics.store.families[findings.suppressed].samples()
        if sample.value
    ]
    return sorted(rows, key=lambda row: -row[-1])[:BUSIEST]


def _busiest(metrics: Metrics) -> tuple[list[tuple[str, str, int]], list[tuple[str, int]]]:
    """The rules, each with its control, and the namespaces with the most alerts."""
    rules: Counter[tuple[str, str]] = Counter()
    namespaces: Counter[str] = Counter()
    for control, findings in catalog.FINDINGS.items():
        family = metrics.store.families[findings.counted]
        rule_at, namespace_at = (family.metric.labels.index(label) for label in (findings.rule, "k8s_ns_name"))
        for sample in family.samples():
            if sample.value:
                rules[(control, sample.labels[rule_at])] += sample.value
                namespaces[sample.labels[namespace_at]] += sample.value
    busiest = [(control, rule, count) for (control, rule), count in rules.most_common(BUSIEST)]
    return busiest, namespaces.most_common(BUSIEST)


def _families(metrics: Metrics) -> list[FamilyStatus]:
    families = metrics.store.families.items()
    return [FamilyStatus(name, len(one), one.limit, one.overflowed, one.expired) for name, one in families]


def _matching(records: Iterable[Record], wanted: Mapping[str, str]) -> list[Record]:
    keys = {FILTERS[name]: value for name, value in wanted.items()}.items()
    return [record for record in records if keys <= record.line().items()]
