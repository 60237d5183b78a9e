"""What happens to a body once the listener has all of it: parse, tune, count, remember."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from exporter.clock import Clock
from exporter.events import LineWriter, Recent, Record, line
from exporter.metrics import Metrics
from exporter.sources import Counters, Event, Line, Rejected, Source

_log = logging.getLogger("threatboard")


class Counted(Protocol):
    """What moves series in the place of an event: the event itself, a changed copy, or the fact of its suppression."""

    def tally(self, counters: Counters) -> None: ...


class Ruling(NamedTuple):
    """What tuning made of an event: what is counted, and what its event line says of that."""

    counted: Counted
    tuned: Line


Tune = Callable[[Event], Ruling]

_FAULT = Rejected("internal", "threatboard failed to count this; its log says why")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path's bodies go: the source that parses them, and what tunes its events."""

    source: Source
    tune: Tune


class Outcome(NamedTuple):
    """What became of one body."""

    accepted: int
    rejected: list[Rejected]


class Pipeline:
    """Takes events; everything in it is quick, for the sender waits."""

    def __init__(self, metrics: Metrics, recent: Recent, lines: LineWriter | None, clock: Clock) -> None:
        self._metrics = metrics
        self._recent = recent
        self._lines = lines
        self._clock = clock

    def take(self, route: Route, events: Sequence[Event | Rejected]) -> Outcome:
        """Counts what was parsed from a body: every event, and every thing that is none."""
        control = route.source.control
        accepted = 0
        rejected: list[Rejected] = []
        for event in events:
            if isinstance(event, Rejected):
                rejected.append(event)
                self._metrics.reject(control, event.reason)
                continue
            try:
                self._accept(control, event, route.tune(event))
            except Exception:  # noqa: BLE001  # one event takes no others along
                _log.exception("an event could not be counted")
                rejected.append(_FAULT)
                self._metrics.reject(control, _FAULT.reason)
            else:
                accepted += 1
        return Outcome(accepted, rejected)

    def _accept(self, control: str, event: Event, ruling: Ruling) -> None:
        self._metrics.accept(control, event)
        ruling.counted.tally(self._metrics)
        received = self._clock.time()
        text = line(received, control, event, ruling.tuned)
        self._recent.add(Record(received, text))
        if self._lines is not None:
            self._lines.add(text)
