"""How simulated series move: a value that can be read at any time, calm all day and different during an attack.

A `Row` says how one series moves, a `Target` who exports it, a `Timeline` when which part of an attack goes on. None of
it has a state, so the same time always gives the same value, live as in the past:

    exposition(target, timeline, now)          the text that the target would show to a scraper
    value(row, timeline, then)                 one value, or None while the series is not there
"""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Phase = Literal["ids", "egress", "dns", "cpu", "policy"]
"""A part of the attack that begins and ends by itself: Falco's alerts, denied connections out and traffic to the world,
DNS queries and denied names, processor time, and a policy change that one node cannot import."""

Kind = Literal["count", "amount", "gauge", "clock"]
"""A counter of whole things, a counter of seconds or bytes, a gauge, or a gauge that tells when something last was."""

DAY, SWELL = 86_400.0, 1_700.0
_WAVES = ((DAY, 0.3), (SWELL, 0.2))
"""Period in seconds and share of the two waves on which every calm rate rides."""


@dataclass(frozen=True)
class Row:
    """A series: `calm` is its rate per second (a gauge's level, a clock's period), `attack` is added in its `phase`.

    With `calm=None` the series appears with its first event and stays. `steady` keeps a rate or level from waving.
    `start` is what a counter had counted at the timeline's origin.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    calm: float | None = 0.0
    attack: float = 0.0
    phase: Phase | None = None
    kind: Kind = "count"
    steady: bool = False
    start: float = 0.0


@dataclass(frozen=True)
class Timeline:
    """When counters were at their start, and from when to when each phase of the attack goes on (Unix times)."""

    origin: float
    phases: Mapping[Phase, tuple[float, float]] = field(default_factory=dict)

    def begin(self, phase: Phase, at: float) -> "Timeline":
        """The same with this phase going on from `at`, until `end`."""
        return replace(self, phases={**self.phases, phase: (at, math.inf)})

    def end(self, phase: Phase, at: float) -> "Timeline":
        """The same with this phase over."""
        return replace(self, phases={**self.phases, phase: (self.phases[phase][0], at)})

    def seconds(self, phase: Phase | None, at: float) -> float:
        """For how long the phase has gone on so far."""
        begun, over = self.phases.get(phase, (math.inf, math.inf)) if phase else (math.inf, math.inf)
        return max(0.0, min(at, over) - begun)

    def is_on(self, phase: Phase | None, at: float) -> bool:
        """Whether the phase goes on at this time."""
        begun, over = self.phases.get(phase, (math.inf, math.inf)) if phase else (math.inf, math.inf)
        return begun <= at < over


@dataclass(frozen=True)
class Target:
    """What Prometheus scrapes: its path on the simulator, the labels of the target, its series.

    `honor_labels` as in a scrape configuration: the series' own namespace and pod win over the target's.
    """

    path: str
    labels: Mapping[str, str]
    rows: tuple[Row, ...]
    honor_labels: bool = False

    def scrape_config(self, address: str, interval: str) -> dict[str, Any]:
        """A scrape configuration for this target, served under its path at `address` (host:port)."""
        return {
            "job_name": self.path.strip("/").replace("/", "-"),
            "metrics_path": self.path,
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "honor_labels": self.honor_labels,
            "static_configs": [{"targets": [address], "labels": dict(self.labels)}],
        }

    def stored(self, row: Row) -> dict[str, str]:
        """The labels under which Prometheus stores a series of this target."""
        if self.honor_labels:
            return {**self.labels, **row.labels}
        clashing = {f"exported_{key}": value for key, value in row.labels.items() if key in self.labels}
        return {
            **{key: value for key, value in row.labels.items() if key not in self.labels},
            **clashing,
            **self.labels,
        }


def _turn(row: Row) -> float:
    """Where a series begins on its wave, so that not all swell together; the same on every run."""
    return zlib.crc32(repr((row.name, sorted(row.labels.items()))).encode()) % 1000 / 1000 * math.tau


def _counted(row: Row, calm: float, timeline: Timeline, at: float) -> float:
    total = row.start + calm * (at - timeline.origin) + row.attack * timeline.seconds(row.phase, at)
    if not row.steady:
        for period, share in _WAVES:
            # The day's wave is the clock's, the swell is the series' own; this is the integral of the two sines.
            turn = 0.0 if period == DAY else _turn(row)
            angle, first = (math.tau * t / period + turn for t in (at, timeline.origin))
            total += calm * share * period / math.tau * (math.cos(first) - math.cos(angle))
    return total if row.kind == "amount" else float(math.floor(total))


def _level(row: Row, calm: float, timeline: Timeline, at: float) -> float:
    level = calm + (row.attack if timeline.is_on(row.phase, at) else 0.0)
    return level if row.steady else level * (1 + 0.05 * math.sin(math.tau * at / SWELL + _turn(row)))


def _last(_: Row, every: float, __: Timeline, at: float) -> float:
    return at - at % every


_MOVES = {"count": _counted, "amount": _counted, "gauge": _level, "clock": _last}


def value(row: Row, timeline: Timeline, at: float) -> float | None:
    """The row's value at this Unix time; None while the series is not there."""
    if row.calm is None and timeline.seconds(row.phase, at) == 0:
        return None
    return _MOVES[row.kind](row, row.calm or 0.0, timeline, at)


def text_of(labels: Mapping[str, str]) -> str:
    """Labels as the text formats write them, escaped."""
    escaped = (
        (key, labels[key].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for key in sorted(labels)
    )
    return "{" + ",".join(f'{key}="{text}"' for key, text in escaped) + "}"


def exposition(target: Target, timeline: Timeline, at: float) -> str:
    """What the target shows to a scraper at this Unix time, in Prometheus' text format (untyped)."""
    values = ((row, value(row, timeline, at)) for row in target.rows)
    return "".join(f"{row.name}{text_of(row.labels)} {shown!r}\n" for row, shown in values if shown is not None)
