"""What happens to a body once the listener has all of it: parse, tune, count, remember."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from exporter.clock import Clock
from exporter.events import KindLine, line
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.sources import Counters, Event, Line, Rejected, Repeat, Source

_log = logging.getLogger("threatboard")


class Counted(Protocol):
    """What moves series in the place of an event: the event itself, other labels, or the fact of its suppression."""

    def tally(self, counters: Counters) -> None: ...


class Ruling(NamedTuple):
    """What the settings make of an event: what is counted, the event as it is told, and what tuning did to it."""

    counted: Counted
    told: Event
    tuned: Line


Tune = Callable[[Event], Ruling]

_FAULT = Rejected("internal", "threatboard failed to count this; its log says why")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path's bodies go: the source that parses them, and what tunes its events, alike all those of one kind."""

    source: Source
    tune: Tune


class Made(NamedTuple):
    """What is made of a kind of events, once."""

    counted: Counted
    line: KindLine


class Outcome(NamedTuple):
    """What became of one body."""

    accepted: int
    rejected: list[Rejected]


class Pipeline:
    """Takes events; everything in it is quick, for the sender waits."""

    def __init__(self, metrics: Metrics, lines: EventLines, clock: Clock) -> None:
        self._metrics = metrics
        self._lines = lines
        self._clock = clock

    def take(self, route: Route, events: Sequence[Event | Repeat | Rejected]) -> Outcome:
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
                if isinstance(event, Repeat):
                    self._accept_repeat(route, event)
                else:
                    self._accept(route, event)
            except Exception:  # noqa: BLE001  # one event takes no others along
                _log.exception("an event could not be counted")
                rejected.append(_FAULT)
                self._metrics.reject(control, _FAULT.reason)
            else:
                accepted += 1
        return Outcome(accepted, rejected)

    def _accept(self, route: Route, event: Event) -> None:
        control = route.source.control
        ruling = route.tune(event)
        received = self._clock.time()
        self._metrics.accept(control, event.hostname, event.time, received)
        ruling.counted.tally(self._metrics)
        make = partial(line, received, control, ruling.told, ruling.tuned)
        if route.source.small:
            self._lines.add_later(received, make)
        else:
            self._lines.add(received, make())

    def _accept_repeat(self, route: Route, event: Repeat) -> None:
        """The same for an event of a known kind."""
        kind = event.kind
        made = kind.made
        if not isinstance(made, Made):
            ruling = route.tune(event.whole())
            kind.made = made = Made(ruling.counted, KindLine(route.source.control, kind.common, ruling.tuned))
        received = self._clock.time()
        self._metrics.accept(route.source.control, kind.hostname, event.time, received)
        made.counted.tally(self._metrics)
        self._lines.add_later(received, partial(made.line.of, received, event))

    def settle(self) -> None:
        """Makes the lines of what was taken, of which much is kept until then."""
        self._lines.settle()
