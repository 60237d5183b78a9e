"""The desk of people on call, played: alerts and silences as Alertmanager would list them, and what was counted."""

from dataclasses import replace
from pathlib import Path

from exporter.pollers.alertmanager.client import key_of
from exporter.pollers.alertmanager.counts import COUNTERS, HISTOGRAMS
from exporter.pollers.alertmanager.episodes import Alert
from exporter.pollers.alertmanager.kept import Kept
from exporter.pollers.alertmanager.silences import Matcher, Silence
from tests.support.clock import FakeClock

HOUR = 3600.0


class Desk:
    """Alerts and silences that change while the clock goes on, and a book that looks at them every 15 seconds."""

    def __init__(self, directory: Path | None = None) -> None:
        self.clock = FakeClock()
        self.directory = directory
        self.begun = self.clock.time()
        self.alerts: dict[str, Alert] = {}
        self.silences: dict[str, Silence] = {}
        self.up_since = self.begun - HOUR
        self.kept = Kept(directory, self.clock)
        self._ids = 0

    @property
    def now(self) -> float:
        """Seconds since the desk was opened."""
        return self.clock.time() - self.begun

    def fire(self, name: str = "A", *, ago: float = 0.0, inhibited: bool = False, **labels: str) -> str:
        """An alert fires since then; its key."""
        found = {"alertname": name, "severity": "critical", "control": "ids", "namespace": "shop", **labels}
        key = key_of(found)
        self.alerts[key] = Alert(dict(sorted(found.items())), self.clock.time() - ago, inhibited, ())
        return key

    def resolve(self, key: str) -> None:
        del self.alerts[key]

    def silence(
        self, name: str = "A", comment: str = "", *, minutes: float = 15, ahead: float = 0.0, **matchers: str
    ) -> str:
        """Somebody makes a silence; its id."""
        self._ids += 1
        start = self.clock.time() + ahead
        conditions = {"alertname": name, "namespace": "shop", **matchers}
        verdict = {"FP": "false_positive", "TP": "true_positive", "BREACH": "breach"}.get(comment, "")
        self.silences[str(self._ids)] = Silence(
            str(self._ids),
            start,
            start + minutes * 60,
            self.clock.time(),
            tuple(Matcher(label, value, False, True) for label, value in conditions.items() if value),
            verdict,
            conditions["alertname"],
        )
        return str(self._ids)

    def edit(self, which: str, comment: str = "", *, minutes: float | None = None) -> None:
        """Somebody writes another comment, or extends it."""
        old = self.silences[which]
        verdict = {"FP": "false_positive", "TP": "true_positive", "BREACH": "breach"}.get(comment, old.verdict)
        ends = old.ends if minutes is None else self.clock.time() + minutes * 60
        self.silences[which] = replace(old, verdict=verdict, ends=ends, updated=self.clock.time())

    def expire(self, which: str) -> None:
        self.silences[which] = replace(self.silences[which], ends=self.clock.time(), updated=self.clock.time())

    def restart(self) -> None:
        """The watcher is killed, and is there again."""
        self.kept = Kept(self.directory, self.clock)

    def restart_alertmanager(self) -> dict[str, Alert]:
        """Alertmanager starts anew and lists no alert; those that it will be told again."""
        before, self.alerts, self.up_since = self.alerts, {}, self.clock.time()
        return before

    def look(self) -> None:
        now = self.clock.time()
        listed = {}
        for key, alert in self.alerts.items():
            active = [one for one in self.silences.values() if one.starts <= now < one.ends]
            held = tuple(one.id for one in active if one.matches(alert.labels))
            listed[key] = alert._replace(silenced_by=held)
        book = self.kept.book
        book.look(now, listed, self.silences.values(), settled=now - self.up_since >= book.grace)
        self.kept.write()

    def run(self, seconds: float, step: float = 15.0) -> None:
        """Lets time pass, with looks in between and at the end."""
        end = self.clock.time() + seconds
        self.look()
        while self.clock.time() < end:
            self.clock.advance(min(step, end - self.clock.time()))
            self.look()

    def counted(self) -> dict[str, float]:
        """Whatever was counted: `metric{label values}` without their common parts -> number; zeros left out."""
        counts = self.kept.book.counts
        found = {
            f"{_short(name)} {' '.join(filter(None, key))}": value
            for name in COUNTERS
            for key, value in counts.counters[name].items()
            if value
        }
        for name in HISTOGRAMS:
            for key, times in counts.times[name].items():
                if total := sum(times.counts):
                    found[f"{_short(name)} {key[0]}"] = total
                    found[f"{_short(name)} {key[0]} sum"] = times.sum
        return found


def _short(name: str) -> str:
    return name.removeprefix("threat_").removesuffix("_total").removesuffix("_seconds")
