"""From a tuning entry to what is counted: how `falco.tuning` and `falco.pod_label` act on an alert."""

from typing import NamedTuple

from exporter.config import FalcoSettings
from exporter.config.tuning import ALERT_LABELS
from exporter.intake.pipeline import Ruling
from exporter.intake.tuning import Tuning
from exporter.sources import Counters, Event, Line
from exporter.sources.falco_events import FalcoAlert


class Adds(NamedTuple):
    """One more under these labels: what is counted of an alert, without the alert."""

    metric: str
    labels: tuple[str, ...]

    def tally(self, counters: Counters) -> None:
        counters.add(self.metric, self.labels)


def as_it_is(event: Event) -> Ruling:
    """The ruling on events that nothing tunes."""
    return Ruling(event, {})


class FalcoRuling:
    """Rules on Falco's events under one `falco` section; a reload makes another.

    `fields` are the output_fields that it looks at.
    """

    def __init__(self, settings: FalcoSettings) -> None:
        self._tuning = Tuning(settings.tuning)
        self._pod_label = settings.pod_label
        self.fields = sorted({name for entry in settings.tuning for name in entry.match if name not in ALERT_LABELS})

    def __call__(self, event: Event) -> Ruling:
        if not isinstance(event, FalcoAlert):
            return as_it_is(event)
        entry = self._tuning.verdict(event) if self._tuning else None
        tuned: Line = {}
        if entry is not None and entry.action == "suppress":
            return Ruling(
                Adds("threat_falco_suppressed_total", (event.rule, entry.reason)), {"suppressed": entry.reason}
            )
        counted = event if self._pod_label else event._replace(k8s_pod_name="")
        if entry is not None:
            assert entry.priority is not None
            tuned = {"priority_counted": entry.priority, "priority_reason": entry.reason}
            counted = counted._replace(priority=entry.priority)
        return Ruling(Adds("threat_falco_alerts_total", counted[:8]), tuned)
