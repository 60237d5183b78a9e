"""Episodes: what each firing of an alert went through, made of what Alertmanager lists now and then.

An episode is one continuous firing of one set of labels. Alertmanager forgets an alert once it resolves and has no
acknowledgements, so both are made here of two lists, alerts and silences, that are read every few seconds:

- *told*: when people were told, which is when it began, or when no silence or other alert held it back any more;
- *acknowledged*: the beginning of the first silence that was made for it, at or after that;
- *presilenced*: a silence held it already when it began: nobody was told, and nothing is acknowledged;
- *judged*: the verdict of the newest silence that has one, given while it fires or afterwards;
- *resolved*: it was absent for longer than a restart of Alertmanager takes; its end is the beginning of that absence.

Everything counts once, and only what happened after `begin`, the time at which the book was opened: what is older was
counted by nobody, and must not be counted late. That is decided by time and not by "the first look", in which an
Alertmanager that has just started shows nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.pollers.alertmanager.counts import Counts
from exporter.pollers.alertmanager.silences import SKEW, Silence

GRACE = 120.0
"""Seconds of absence after which an alert is resolved: an Alertmanager that restarts is told again within a minute."""

KEPT = 120 * 3600.0
"""Seconds for which a resolved episode waits for a late verdict: how long Alertmanager keeps silences by default."""

MAX_EPISODES = 20_000
"""Most episodes that are kept; the oldest resolved ones go first."""


COMMON = frozenset(("alertname", "severity", "control", "cluster"))
"""Labels that do not tell one alert of a rule from another."""


class Alert(NamedTuple):
    """An alert that fires now. `starts` is a Unix time, `silenced_by` the ids of silences."""

    labels: Mapping[str, str]
    starts: float
    inhibited: bool
    silenced_by: tuple[str, ...]


@dataclass(slots=True)
class Episode:
    """One continuous firing. Times are Unix times.

    `rank` are the beginning of the silence whose verdict counts and the time at which that was written. `held_by` are
    the silences that Alertmanager said hold it. `ended` says that its end was counted.
    """

    labels: dict[str, str]
    starts: float
    told: float
    seen: float
    absent: float | None = None
    resolved: bool = False
    ended: bool = False
    quiet: bool = False
    presilenced: bool = False
    acknowledged: float | None = None
    verdict: str = ""
    rank: tuple[float, float] = (0.0, 0.0)
    held_by: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """It fires, people were told, and nobody has said that he looks at it."""
        return not (self.resolved or self.quiet or self.presilenced or self.acknowledged is not None)

    def holds(self, silence: Silence) -> bool:
        """Whether the silence is about this alert."""
        return silence.id in self.held_by or silence.matches(self.labels)

    def during(self, silence: Silence) -> bool:
        """Whether the silence was there at some time of the episode."""
        return silence.starts <= (self.seen if self.absent is None else self.absent) and silence.ends > self.told

    def named_by(self, silence: Silence) -> bool:
        """Whether the silence names it more closely than by what many alerts have in common."""
        return not self.labels.keys() - COMMON or bool(self.labels.keys() & silence.named - COMMON)


class Book:
    """Every episode that is known.

    `alerts` has the episodes of each alert by the text that names it, oldest first; `inhibited` are alerts of which
    nobody was told yet; `stamps` says of a silence its verdict and when that was written: to extend a silence is not
    to judge again.
    """

    def __init__(self, begin: float, counts: Counts, grace: float = GRACE) -> None:
        self.begin = begin
        self.counts = counts
        self.grace = grace
        self.alerts: dict[str, list[Episode]] = {}
        self.inhibited: set[str] = set()
        self.stamps: dict[str, tuple[str, float]] = {}
        self._applied: dict[str, Silence] = {}

    def episodes(self) -> Iterator[Episode]:
        """All of them."""
        for several in self.alerts.values():
            yield from several

    def look(self, now: float, alerts: Mapping[str, Alert], silences: Iterable[Silence], *, settled: bool) -> None:
        """Takes what Alertmanager lists at `now`. Not `settled`: it has just started, and absence says nothing yet."""
        fresh = {key for key, alert in alerts.items() if self._take(now, key, alert)}
        self.inhibited = {key for key, one in alerts.items() if one.inhibited and self._now(key) is None}
        self._note_absence(now, alerts, settled)
        ordered = sorted(silences, key=lambda one: (one.starts, one.updated))
        self._stamp(ordered)
        self._apply_all(ordered, fresh)
        self._forget(now)

    def _now(self, key: str) -> Episode | None:
        """The newest episode of an alert, unless it is over."""
        several = self.alerts.get(key)
        return several[-1] if several and not several[-1].resolved else None

    def _take(self, now: float, key: str, alert: Alert) -> bool:
        """Notes that an alert fires; whether its episode is new, or a further silence holds it."""
        several = self.alerts.setdefault(key, [])
        episode = several[-1] if several else None
        if episode is not None and _is_another(episode, alert):
            self._resolve(episode, now if episode.absent is None else episode.absent)
            episode = None
        fresh = episode is None
        if episode is None:
            if alert.inhibited:  # nobody is told of it
                return False
            episode = self._begin(now, key, alert)
            several.append(episode)
        episode.seen, episode.absent, episode.resolved = now, None, False
        episode.quiet = bool(alert.silenced_by) or alert.inhibited
        if episode.presilenced and not episode.quiet:
            episode.presilenced, episode.told = False, now  # the silence ended, and Alertmanager tells people now
        further = [one for one in alert.silenced_by if one not in episode.held_by]
        episode.held_by += further
        return fresh or bool(further)

    def _begin(self, now: float, key: str, alert: Alert) -> Episode:
        if alert.starts >= self.begin:
            self.counts.fired(alert.labels)
        return Episode(dict(alert.labels), alert.starts, now if key in self.inhibited else alert.starts, now)

    def _note_absence(self, now: float, alerts: Mapping[str, Alert], settled: bool) -> None:
        for key in self.alerts.keys() - alerts.keys():
            episode = self._now(key)
            if episode is None:
                continue
            if episode.absent is None:
                episode.absent = now
            if settled and now - episode.absent >= self.grace:
                self._resolve(episode, episode.absent)

    def _resolve(self, episode: Episode, at: float) -> None:
        episode.absent, episode.resolved = at, True
        if not episode.ended:
            episode.ended = True
            unseen = episode.acknowledged is None and not episode.presilenced
            self.counts.resolved(episode.labels, at - episode.starts, unseen=unseen)

    def _stamp(self, silences: Iterable[Silence]) -> None:
        listed = {}
        for one in silences:
            if one.verdict:
                known = self.stamps.get(one.id)
                listed[one.id] = known if known is not None and known[0] == one.verdict else (one.verdict, one.updated)
        self.stamps = listed

    def _apply_all(self, silences: list[Silence], fresh: set[str]) -> None:
        """Applies new and edited silences to all episodes, and those that are known to fresh episodes only."""
        by_name: dict[str, list[str]] = {}
        for key, several in self.alerts.items():
            if several:
                by_name.setdefault(several[-1].labels.get("alertname", ""), []).append(key)
        for silence in silences:
            known = self._applied.get(silence.id) == silence
            about = fresh if known else by_name.get(silence.alertname, []) if silence.alertname else self.alerts
            for key in about:
                several = self.alerts[key]
                for number, episode in enumerate(several):
                    if episode.holds(silence):
                        self._apply(episode, silence, several[number + 1 :])
        self._applied = {one.id: one for one in silences}

    def _apply(self, episode: Episode, silence: Silence, later: list[Episode]) -> None:
        if episode.during(silence) and episode.acknowledged is None:
            if silence.starts < episode.told - SKEW:
                self._presilence(episode)
            elif not episode.presilenced and not silence.planned:
                episode.acknowledged = silence.starts
                if silence.starts >= self.begin:
                    self.counts.acknowledged(episode.labels, silence.starts - episode.told)
        if silence.alertname and silence.id in self.stamps:
            self._judge(episode, silence, later)

    def _presilence(self, episode: Episode) -> None:
        if not episode.presilenced:
            episode.presilenced = True
            if episode.starts >= self.begin:
                self.counts.presilenced(episode.labels)

    def _judge(self, episode: Episode, silence: Silence, later: list[Episode]) -> None:
        verdict, stamp = self.stamps[silence.id]
        if stamp < episode.starts - SKEW or any(one.starts <= silence.starts + SKEW for one in later):
            return  # it is about an earlier episode, or a later one
        rank = (silence.starts, stamp)
        if rank <= episode.rank or not (episode.during(silence) or episode.named_by(silence)):
            return
        before, episode.verdict, episode.rank = episode.verdict, verdict, rank
        if stamp < self.begin or before == verdict:
            return
        if before:
            self.counts.changed(episode.labels, before, verdict)
        else:
            self.counts.judged(episode.labels, verdict, stamp - episode.told)

    def _forget(self, now: float) -> None:
        """Drops what is too old for a verdict, and the oldest where there is too much."""
        over = sorted(one.seen for one in self.episodes() if one.resolved)
        excess = sum(map(len, self.alerts.values())) - MAX_EPISODES
        old = max(now - KEPT, over[min(excess, len(over)) - 1] if excess > 0 and over else 0.0)
        for key, several in list(self.alerts.items()):
            several[:] = [one for one in several if not (one.resolved and one.seen <= old)]
            if not several:
                del self.alerts[key]


def _is_another(episode: Episode, alert: Alert) -> bool:
    """A beginning later than when it was last seen is a new firing.

    Alertmanager keeps the earliest of one that goes on; of two Prometheus that tell it the same alert it may, after a
    restart, hear the later one first.
    """
    return alert.starts > episode.starts + SKEW and (episode.resolved or alert.starts > episode.seen)
