"""From a tuning entry to what is counted: how `falco.tuning` and `falco.pod_label` act on an alert."""

from typing import NamedTuple

from exporter.config import FalcoSettings
from exporter.intake.pipeline import Ruling
from exporter.intake.tuning import Tuning
from exporter.sources import Counters, Event, Line
from exporter.sources.falco_events import FalcoAlert


class Suppressed(NamedTuple):
    """The fact that an alert was suppressed, in its place."""

    rule: str
    reason: str

    def tally(self, counters: Counters) -> None:
        counters.add("threat_falco_suppressed_total", self)


def as_it_is(event: Event) -> Ruling:
    """The ruling on events that nothing tunes."""
    return Ruling(event, {})


class FalcoRuling:
    """Rules on Falco's events under one `falco` section; a reload makes another."""

    def __init__(self, settings: FalcoSettings) -> None:
        self._tuning = Tuning(settings.tuning)
        self._pod_label = settings.pod_label

    def __call__(self, event: Event) -> Ruling:
        if not isinstance(event, FalcoAlert):
            return as_it_is(event)
        alert = event if self._pod_label else event._replace(k8s_pod_name="")
        entry = self._tuning.verdict(event) if self._tuning else None
        if entry is None:
            return Ruling(alert, {})
        if entry.action == "suppress":
            return Ruling(Suppressed(event.rule, entry.reason), {"suppressed": entry.reason})
        assert entry.priority is not None
        tuned: Line = {"priority_counted": entry.priority, "priority_reason": entry.reason}
        return Ruling(alert._replace(priority=entry.priority), tuned)
