"""Who scrapes, and what each scraper has seen: which new series an answer must still show at zero.

A scraper is known by its connection: Prometheus and everything built on its scrape loop keep one open per server and
target. For each scraper two creation stamps are enough. `confirmed`: every series created up to it has been seen at
zero. `offered`: what the last answer showed at zero at most. The next request on the same connection proves that the
last answer was read, so `offered` becomes `confirmed`. After a reconnection nothing is proven: the zeros are shown
again. To those who never keep a connection they are shown by age.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from exporter.clock import Clock
from exporter.server.http import Connection
from exporter.store.creation import CreationClock
from exporter.store.state import State

MAX_SCRAPERS = 64
"""Scrapers remembered, half of them of one address at most; who finds no place sees zeros by `series.settle` alone."""

FORGET_AFTER = 3600.0
"""Seconds after which a scraper that is gone is forgotten: later its address may be somebody else's."""

LIVE = 3.0
"""A scraper that came within this many of its intervals is expected to come again."""

ASSUMED_INTERVAL = 60.0
"""Seconds between the scrapes of those that cannot be told apart, or that came only once."""

MISSED = 1.5
"""A scraper whose connection looks open but who is this many intervals late has lost it without our noticing."""

LONGEST_INTERVAL = 300.0
"""Seconds after which Prometheus takes a series for gone: nobody scrapes less often, and no drain waits longer."""

DUE = 0.7
"""Intervals after which a scraper that has lost its connection may come on a new one: who comes sooner is another."""

UNKEPT = 150.0
"""Seconds for which new series are shown at zero to scrapers at one address that open a connection for each scrape.

Nothing tells them apart, so age must do: enough for an interval of two minutes, the longest that Prometheus advises.
"""

_GAPS = 3
"""Gaps between scrapes whose median is the interval: one that was missed or late changes nothing."""


@dataclass(eq=False, slots=True)
class _Scraper:
    connection: Connection
    confirmed: int
    offered: int = 0
    whole: bool = False
    sent_once: int = 0
    last: float = 0.0
    gaps: tuple[float, ...] = ()
    restored: bool = False
    """Of an earlier process, whose clock may have been another: it may come at any time."""

    @property
    def interval(self) -> float | None:
        """Seconds between its scrapes; None while it came only once."""
        return median(self.gaps) if self.gaps else None

    def comes(self, now: float) -> None:
        """Notes that it scrapes again."""
        self.gaps = (*self.gaps, now - self.last)[-_GAPS:]

    def is_due(self, now: float) -> bool:
        """Whether its next scrape is due by the time of any of the last ones: one that came late is still punctual."""
        assert self.interval is not None
        since = now - self.last
        for scrapes, gap in enumerate((*reversed(self.gaps), 0.0)):
            if since >= (scrapes + DUE) * self.interval:
                return True
            since += gap
        return False

    def lateness(self, now: float) -> float:
        """How far `now` is from the nearest time at which it would come, in its intervals (0 due, 0.5 the farthest)."""
        if not self.interval:
            return 0.5
        phase = (now - self.last) / self.interval % 1.0
        return min(phase, 1.0 - phase)

    def has_missed_its_time(self, now: float) -> bool:
        return self.interval is not None and now - self.last > MISSED * self.interval

    def is_regular(self, now: float) -> bool:
        """Whether it comes again and again, and is expected again."""
        return self.interval is not None and now - self.last < LIVE * min(self.interval, LONGEST_INTERVAL)

    def is_live(self, now: float) -> bool:
        """Whether it is worth waiting for: who came only once is not, unless it keeps its connection."""
        return self.is_regular(now) or (
            self.interval is None and not self.connection.closed and now - self.last < LIVE * ASSUMED_INTERVAL
        )

    def may_come_anew(self, now: float) -> bool:
        """Whether who comes now on a new connection can be it."""
        if self.interval is None:
            return False
        return self.restored or self.has_missed_its_time(now) or (self.connection.closed and self.is_due(now))

    def reconnect(self, connection: Connection) -> None:
        """Moves to a new connection. Nothing says whether the last answer was read, so its zeros are shown again.

        But one that goes over to a connection for each scrape never proves any more that it has read an answer: zeros
        that were in two whole answers count as shown, or it would see them for ever.
        """
        if self.whole:
            self.confirmed = max(self.confirmed, self.sent_once)
            self.sent_once = self.offered
        self.connection = connection
        self.restored = False


@dataclass(slots=True)
class Scrape:
    """One answer to a scraper: series created after `cutoff` are shown at zero. Say `done()` when it was sent whole."""

    cutoff: int
    _scraper: _Scraper | None = None

    def done(self) -> None:
        if self._scraper is not None:
            self._scraper.whole = True


class Scrapers:
    """The scrapers of one exporter. `settle` and `zero_hold` in seconds, changeable at any time.

    With a state, what they have seen outlives the process: after a restart they are scrapers that lost a connection.
    """

    def __init__(self, creation: CreationClock, clock: Clock, state: State | None = None) -> None:
        self.settle = 600.0
        self.zero_hold = 0.0
        self._creation = creation
        self._clock = clock
        self._state = state or State(None, {})
        self._known: dict[Connection, _Scraper] = {}
        self._started = clock.monotonic()
        self._shown = 0
        self._last_held = -math.inf
        self._kept: object = None

    def answer(self, connection: Connection) -> Scrape:
        """What to show the scraper on this connection now."""
        if self.zero_hold > 0:
            # Behind a proxy that pools connections a connection says nothing about who reads.
            self._last_held = self._clock.monotonic()
            return Scrape(self._show(max(self._shown, self._creation.at(self.zero_hold))))
        now = self._clock.monotonic()
        scraper = self._known.get(connection)
        if scraper is not None:
            scraper.confirmed = scraper.offered
            scraper.comes(now)
        else:
            scraper = self._take_over(connection, now) or self._unkept(connection) or self._new(connection)
            self._remember(scraper, now)
        scraper.last = now
        scraper.offered = self._creation.latest
        scraper.whole = False
        return Scrape(self._show(scraper.confirmed), scraper)

    def _show(self, cutoff: int) -> int:
        """Notes, before it is so, that true values are shown up to this stamp."""
        self._shown = max(self._shown, min(cutoff, self._creation.latest))
        self._keep()
        return cutoff

    def satisfied(self, since: float) -> bool:
        """True if every live scraper has been sent every true value in a whole answer begun after `since`.

        `since` is a monotonic time after which nothing is counted any more. A scraper is live if it came within
        three of its own intervals; one that came only once, while it keeps its connection.
        """
        now = self._clock.monotonic()
        if self.zero_hold > 0:  # nothing tells one scraper from another
            return now - self._last_held > LIVE * ASSUMED_INTERVAL
        latest = self._creation.latest
        return all(scraper.whole and scraper.last >= since and scraper.confirmed >= latest for scraper in self._live())

    def regular(self) -> int:
        """How many scrape again and again; those that open a connection for each scrape cannot be counted."""
        now = self._clock.monotonic()
        return sum(scraper.is_regular(now) for scraper in self._known.values())

    def seen(self) -> int:
        """The creation stamp up to which every live scraper has seen every series; 0 if nobody looks."""
        if self.zero_hold > 0:
            return self._creation.at(self.zero_hold)
        return min((scraper.confirmed for scraper in self._live()), default=0)

    def _live(self) -> list[_Scraper]:
        now = self._clock.monotonic()
        return [scraper for scraper in self._known.values() if scraper.is_live(now)]

    def _take_over(self, connection: Connection, now: float) -> _Scraper | None:
        """The scraper at the same address that has lost its connection and is nearest to being due."""
        self._forget(now)
        lost = [
            scraper
            for scraper in self._known.values()
            if scraper.connection.address == connection.address and scraper.may_come_anew(now)
        ]
        if not lost:
            return None
        scraper = min(lost, key=lambda scraper: (scraper.lateness(now), scraper.last))
        del self._known[scraper.connection]
        scraper.reconnect(connection)
        return scraper

    def _unkept(self, connection: Connection) -> _Scraper | None:
        """One of those at this address who open a connection for each scrape; None if there are none."""
        for before in self._known.values():
            if before.connection.address == connection.address and before.connection.closed and not before.gaps:
                del self._known[before.connection]
                return _Scraper(connection, max(before.confirmed, self._creation.at(UNKEPT)))
        return None

    def _new(self, connection: Connection) -> _Scraper:
        return _Scraper(connection, self._creation.at(self.settle))

    def _forget(self, now: float) -> None:
        """Forgets who is long gone. While this exporter was not there nobody could come."""
        gone = [
            connection
            for connection, scraper in self._known.items()
            if connection.closed and now - max(scraper.last, self._started) > FORGET_AFTER
        ]
        for connection in gone:
            del self._known[connection]

    def _remember(self, scraper: _Scraper, now: float) -> None:
        """Gives a scraper a place, if need be that of one who is not expected."""
        address = scraper.connection.address
        of_address = [one for one in self._known.values() if one.connection.address == address]
        if len(of_address) >= MAX_SCRAPERS // 2:
            rivals: Iterable[_Scraper] = of_address
        elif len(self._known) >= MAX_SCRAPERS:
            rivals = self._known.values()
        else:
            rivals = ()
        unexpected = [one for one in rivals if not one.is_regular(now)]
        if unexpected:
            del self._known[min(unexpected, key=lambda one: (one.interval is not None, one.last)).connection]
        if unexpected or not rivals:
            self._known[scraper.connection] = scraper

    def restore(self) -> int:
        """Takes up what was kept; returns the stamp up to which anybody has been shown a true value."""
        latest = self._creation.latest  # nobody has seen more, whatever the notes say
        match self._state.read_scrapers():
            case {"shown": int(shown), "scrapers": list(entries)}:
                self._shown = min(shown, latest)
            case None:
                return 0
            case _:  # to show every series at zero again would look like as many attacks
                return latest
        age = self._clock.time() - self._clock.monotonic()
        for entry in entries[:MAX_SCRAPERS]:
            match entry:
                case [str(address), int(confirmed), int(once), float(seen), float() | None as interval]:
                    scraper = _Scraper(Connection(address, closed=True), min(confirmed, latest), restored=True)
                    scraper.sent_once = min(once, latest)
                    scraper.last = min(seen - age, self._started)
                    scraper.gaps = () if interval is None else (interval,)
                    self._known[scraper.connection] = scraper
        return self._shown

    def _keep(self) -> None:
        """Writes down what changed: only creations change it, not time, so a quiet cluster writes nothing."""
        seen = {
            scraper: (scraper.connection.address, scraper.confirmed, scraper.sent_once)
            for scraper in self._known.values()
        }
        if (self._shown, seen) == self._kept:
            return
        self._kept = (self._shown, seen)
        age = self._clock.time() - self._clock.monotonic()
        entries = [[*facts, scraper.last + age, scraper.interval] for scraper, facts in seen.items()]
        self._state.write_scrapers({"shown": self._shown, "scrapers": entries})
