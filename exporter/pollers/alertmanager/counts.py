"""The counters and histograms of episodes, which are kept with them in one file.

A new series is 0 for its first two minutes, so that every Prometheus has seen it at 0 before its first count, and
`increase()` sees that count.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, permutations
from typing import Any

from exporter.catalog import OTHER
from exporter.catalog.kpi import ACKNOWLEDGED, ALERT_CONTROLS, JUDGEMENTS, MAX_SERIES, SECONDS, SEVERITIES
from exporter.clock import Clock

HOLD = 120.0
"""Seconds for which a new series is shown at 0: two intervals of the slowest scraper in use."""

Labels = Mapping[str, str]
Series = tuple[str, ...]
Histogram = tuple[list[tuple[str, float]], float]
"""Each bound and how many observations were at most that; and the sum of all."""

EPISODES = "threat_alert_episodes_total"
PRESILENCED = "threat_alerts_presilenced_total"
UNACKNOWLEDGED = "threat_alerts_resolved_unacknowledged_total"
VERDICTS = "threat_verdicts_total"
CHANGES = "threat_verdict_changes_total"
COUNTERS = (EPISODES, PRESILENCED, UNACKNOWLEDGED, VERDICTS, CHANGES)

ACKNOWLEDGE = "threat_acknowledge_seconds"
TRIAGE = "threat_triage_seconds"
RESOLVE = "threat_resolve_seconds"
HISTOGRAMS = (ACKNOWLEDGE, TRIAGE, RESOLVE)


@dataclass(slots=True)
class Times:
    """A histogram: observations in each of `SECONDS` and above them, not added up, and the sum of all in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    sum: float = 0.0

    def observe(self, seconds: float) -> None:
        """Adds one; clocks that differ make no time negative."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds

    def shown(self) -> Histogram:
        """As a page shows it."""
        return list(zip((*map(str, SECONDS), "+Inf"), accumulate(self.counts), strict=True)), self.sum


class Counts:
    """What was counted so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opened = clock.time()
        self.counters: dict[str, dict[Series, float]] = {name: {} for name in COUNTERS}
        self.born: dict[str, dict[Series, float]] = {name: {} for name in COUNTERS}
        self.times = {name: {(severity,): Times() for severity in SEVERITIES} for name in HISTOGRAMS}
        for severity in SEVERITIES:
            self._add(UNACKNOWLEDGED, (severity,), 0)

    def fired(self, labels: Labels) -> None:
        """An episode began, of which people were told."""
        self._add(EPISODES, _alert(labels))
        name = labels.get("alertname", "")
        for verdict in (ACKNOWLEDGED, *JUDGEMENTS):
            self._add(VERDICTS, (name, verdict), 0)
        for pair in permutations(JUDGEMENTS, 2):
            self._add(CHANGES, (name, *pair), 0)

    def presilenced(self, labels: Labels) -> None:
        """A silence was there before the episode."""
        self._add(PRESILENCED, _alert(labels))

    def acknowledged(self, labels: Labels, seconds: float) -> None:
        """Somebody made the first silence for it, so long after people were told."""
        self._add(VERDICTS, (labels.get("alertname", ""), ACKNOWLEDGED))
        self._observe(ACKNOWLEDGE, labels, seconds)

    def judged(self, labels: Labels, verdict: str, seconds: float) -> None:
        """Its first verdict was given."""
        self._add(VERDICTS, (labels.get("alertname", ""), verdict))
        self._observe(TRIAGE, labels, seconds)

    def changed(self, labels: Labels, before: str, after: str) -> None:
        """Its verdict became another."""
        self._add(CHANGES, (labels.get("alertname", ""), before, after))

    def resolved(self, labels: Labels, seconds: float, *, unseen: bool) -> None:
        """It ended; `unseen`: people were told, and nobody had acknowledged it."""
        self._observe(RESOLVE, labels, seconds)
        if unseen:
            self._add(UNACKNOWLEDGED, (severity(labels),))

    def plain(self) -> dict[str, Any]:
        """What `of` takes back, as JSON has it."""
        counters = {
            name: [[*key, value, self.born[name][key]] for key, value in series.items()]
            for name, series in self.counters.items()
        }
        times = {
            name: [[key[0], one.counts, one.sum] for key, one in each.items()] for name, each in self.times.items()
        }
        return {"opened": self._opened, "counters": counters, "times": times}

    @classmethod
    def of(cls, plain: Mapping[str, Any], clock: Clock) -> "Counts":
        """What was counted before; raises KeyError, TypeError or ValueError for what is no such thing."""
        counts = cls(clock)
        counts._opened = float(plain["opened"])
        for name in COUNTERS:
            for *key, value, born in plain["counters"][name]:
                counts.counters[name][tuple(key)] = float(value)
                counts.born[name][tuple(key)] = float(born)
        for name in HISTOGRAMS:
            for severity, numbers, total in plain["times"][name]:
                if len(numbers) != len(SECONDS) + 1:
                    raise ValueError(name)
                counts.times[name][(severity,)] = Times([int(one) for one in numbers], float(total))
        return counts

    def shown(self) -> dict[str, Mapping[Series, float | Histogram]]:
        """Metric -> label values -> what was counted."""
        seen = self._clock.time() - HOLD
        shown: dict[str, Mapping[Series, float | Histogram]] = {}
        for name, series in self.counters.items():
            born = self.born[name]
            shown[name] = {key: value if born[key] <= seen else 0.0 for key, value in series.items()}
        for name, each in self.times.items():
            shown[name] = {key: (one if self._opened <= seen else Times()).shown() for key, one in each.items()}
        return shown

    def _add(self, metric: str, key: Series, amount: int = 1) -> None:
        series = self.counters[metric]
        key = tuple(_cut(part) for part in key)
        if key not in series:
            if len(series) >= MAX_SERIES:
                key = _overflow(metric, key)
            self.born[metric].setdefault(key, self._clock.time())
        series[key] = series.get(key, 0.0) + amount

    def _observe(self, metric: str, labels: Labels, seconds: float) -> None:
        self.times[metric][(severity(labels),)].observe(seconds)


def severity(labels: Labels) -> str:
    """One of `SEVERITIES`."""
    given = labels.get("severity", "")
    return given if given in SEVERITIES else OTHER


def _alert(labels: Labels) -> Series:
    control = labels.get("control", "")
    known = control if control in ALERT_CONTROLS else OTHER
    return (labels.get("alertname", ""), severity(labels), known, labels.get("namespace", ""))


def _overflow(metric: str, key: Series) -> Series:
    if metric in (EPISODES, PRESILENCED):
        return (OTHER, key[1], OTHER, OTHER)
    return (OTHER, *key[1:])


def _cut(text: str) -> str:
    """A label value that no text can make too long or unreadable."""
    return text.encode("utf-8", "replace")[:256].decode("utf-8", "ignore")
