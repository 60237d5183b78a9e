"""The events that are drills: recognised by their marks before any tuning, suppressed, and counted as proof.

A mark is taken once on each node: two nodes may act in the same millisecond. What comes with it again is the same
event, sent anew by a shipper, if it reads the same in every word; all else that has a used mark is an alert like any
other, for whoever reads a mark could hide behind it.
"""

import time
from typing import NamedTuple

from exporter.catalog.watch import DRILL
from exporter.clock import Clock
from exporter.config.cluster import DrillSettings
from exporter.config.credentials import Secret
from exporter.drill.mark import AHEAD, PREFIX, VALID, Mark, read
from exporter.intake.pipeline import Counted, Ruling
from exporter.sources import Counters, Event
from exporter.sources.falco_events import FalcoAlert
from exporter.sources.waf_events import WafEvent

MAX_MARKS = 20_000
"""Marks remembered, 400 bytes each: one for each node of the largest cluster, four times in ten minutes. Those who can
make more have the key, and what they do then is an alert."""

LINK = "evt.arg.linkpath"
"""The output_field of Falco that has the mark: the link that a drill makes over a sensitive file."""


class Marks:
    """The marks that were taken while they are valid, each with the event that it came with. Outlives a reload."""

    def __init__(self, limit: int = MAX_MARKS) -> None:
        self._limit = limit
        self._taken: dict[tuple[str, str], tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, mark: Mark, node: str, event: int, now: float) -> bool | None:
        """True if the mark is new, False if it came before with this very event, None if it may not be taken."""
        before = self._taken.get((mark.text, node))
        if before is not None:
            return False if before[1] == event else None
        while self._taken and next(iter(self._taken.values()))[0] < now - VALID - AHEAD:
            del self._taken[next(iter(self._taken))]
        if len(self._taken) >= self._limit:
            return None
        self._taken[(mark.text, node)] = (now, event)
        return True


class DrillCounted(NamedTuple):
    """What is counted of a drill: its suppression, and where it proves its control, that and after how many seconds."""

    suppressed: Counted
    control: str
    hostname: str
    seconds: float | None

    def tally(self, counters: Counters) -> None:
        self.suppressed.tally(counters)
        if self.seconds is not None:
            counters.set_now("threat_drill_last_success_timestamp_seconds", (self.control, self.hostname))
            counters.observe("threat_drill_seconds", (self.control,), self.seconds)


class Drill(NamedTuple):
    """An event that is a drill: `seconds` from the act to its receipt where it proves the control; how it is told."""

    control: str
    seconds: float | None
    told: str

    def ruling(self, event: Event, suppressed: Counted) -> Ruling:
        """What becomes of the event; `suppressed` is the count of its suppression."""
        counted = DrillCounted(suppressed, self.control, event.hostname, self.seconds)
        return Ruling(counted, event, {"suppressed": DRILL, "drill": self.told})


class Drills:
    """Recognises drills under one `drill` section that has a key."""

    def __init__(self, key: Secret, namespace: str, marks: Marks, clock: Clock) -> None:
        self._key = key
        self._namespace = namespace
        self._marks = marks
        self._clock = clock

    def of_alert(self, alert: FalcoAlert) -> Drill | None:
        """The drill that an alert of Falco's is, if any."""
        if alert.k8s_ns_name != self._namespace:  # nearly always
            return None
        return self._drill("ids", alert.fields.text(LINK), alert, stopped=True)

    def of_request(self, event: WafEvent, *, blocking: bool) -> Drill | None:
        """The same for a WAF's event. `blocking`: the WAF is expected to block, so that to detect proves nothing."""
        return self._drill("waf", event.fields.path, event, stopped=not blocking or event.verdict == "blocked")

    def _drill(self, control: str, path: str, event: Event, *, stopped: bool) -> Drill | None:
        if PREFIX not in path:  # nearly always
            return None
        now = self._clock.time()
        mark = read(self._key, path, now)
        if mark is None or mark.control != control:
            return None
        new = self._marks.take(mark, event.hostname, hash(frozenset(event.describe().items())), now)
        if new is None:
            return None
        if not new:
            return Drill(control, None, "sent again")
        return Drill(control, max(0.0, now - mark.at), "proven") if stopped else Drill(control, None, "let through")


def drills(settings: DrillSettings, marks: Marks, clock: Clock = time) -> Drills | None:
    """Who recognises drills under this section; nobody without a key."""
    return None if settings.key is None else Drills(settings.key, settings.namespace, marks, clock)
