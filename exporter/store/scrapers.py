"""Who scrapes, and what each scraper has seen: which new series an answer must still show at zero.

A scraper is known by its connection: Prometheus and everything built on its scrape loop keep one open per server and
target. For each scraper two birth stamps are enough. `confirmed`: every series born up to it has been seen at zero.
`offered`: what the last answer showed at zero at most. The next request on the same connection proves that the last
answer was read, so `offered` becomes `confirmed`. After a reconnection nothing is proven: the zeros are shown again.
"""

import math
from dataclasses import dataclass

from exporter.clock import Clock
from exporter.server.http import Connection
from exporter.store.series import Births
from exporter.store.state import State

MAX_SCRAPERS = 256
"""Identities kept; past it the one not seen for longest whose connection is gone is forgotten."""

FORGET_AFTER = 3600.0
"""Seconds after which a scraper that is gone is forgotten: later its address may be somebody else's."""

LIVE = 3.0
"""A scraper that came within this many of its intervals is expected to come again."""

ASSUMED_INTERVAL = 60.0
"""Seconds between the scrapes of a scraper that came only once."""

MISSED = 1.5
"""A scraper whose connection looks open but who is this many intervals late has lost it without our noticing."""


@dataclass(eq=False, slots=True)
class _Scraper:
    connection: Connection
    confirmed: int
    offered: int = 0
    whole: bool = False
    sent_once: int = 0
    last: float = 0.0
    interval: float | None = None

    def lateness(self, now: float) -> float:
        """How far `now` is from the nearest time at which it would come, in its intervals (0 due, 0.5 the farthest)."""
        if not self.interval:
            return 0.25
        phase = (now - self.last) / self.interval % 1.0
        return min(phase, 1.0 - phase)

    def has_lost_its_connection(self, now: float) -> bool:
        missed = self.interval is not None and now - self.last > MISSED * self.interval
        return self.connection.closed or missed

    def reconnect(self, connection: Connection) -> None:
        """Moves to a new connection. Nothing says whether the last answer was read, so its zeros are shown again.

        But a client that opens a connection for each scrape never proves that it has read an answer: zeros that were
        in two whole answers count as shown, or it would see them for ever.
        """
        if self.whole:
            self.confirmed = max(self.confirmed, self.sent_once)
            self.sent_once = self.offered
        self.connection = connection


@dataclass(slots=True)
class Answer:
    """One answer to a scraper: series born after `cutoff` are shown at zero. Say `done()` when it was sent whole."""

    cutoff: int
    _scraper: _Scraper | None = None

    def done(self) -> None:
        if self._scraper is not None:
            self._scraper.whole = True


class Scrapers:
    """The scrapers of one exporter. `settle` and `zero_hold` in seconds, changeable at any time.

    With a state, what they have seen outlives the process: after a restart they are scrapers that lost a connection.
    """

    def __init__(self, births: Births, clock: Clock, state: State | None = None) -> None:
        self.settle = 600.0
        self.zero_hold = 0.0
        self._births = births
        self._clock = clock
        self._state = state or State(None, {})
        self._known: dict[Connection, _Scraper] = {}
        self._started = clock.monotonic()
        self._shown = 0
        self._last_held = -math.inf
        self._kept: object = None

    def answer(self, connection: Connection) -> Answer:
        """What to show the scraper on this connection now."""
        if self.zero_hold > 0:
            # Behind a proxy that pools connections a connection says nothing about who reads.
            self._last_held = self._clock.monotonic()
            return Answer(self._show(max(self._shown, self._births.at(self.zero_hold))))
        now = self._clock.monotonic()
        scraper = self._known.get(connection)
        if scraper is not None:
            scraper.confirmed = scraper.offered
            scraper.interval = now - scraper.last
        else:
            scraper = self._heir(connection, now) or _Scraper(connection, confirmed=self._births.at(self.settle))
            self._known[connection] = scraper
        scraper.last = now
        scraper.offered = self._births.latest
        scraper.whole = False
        return Answer(self._show(scraper.confirmed), scraper)

    def _show(self, cutoff: int) -> int:
        """Notes, before it is so, that true values are shown up to this stamp."""
        self._shown = max(self._shown, min(cutoff, self._births.latest))
        self._keep()
        return cutoff

    def satisfied(self, since: float) -> bool:
        """True if every live scraper has been sent every true value in a whole answer begun after `since`.

        `since` is a monotonic time after which nothing is counted any more. A scraper is live if it came within three
        of its own intervals.
        """
        now = self._clock.monotonic()
        if self.zero_hold > 0:  # nothing tells one scraper from another
            return now - self._last_held > LIVE * ASSUMED_INTERVAL
        live = [
            scraper
            for scraper in self._known.values()
            if now - scraper.last < LIVE * (scraper.interval or ASSUMED_INTERVAL)
        ]
        latest = self._births.latest
        return all(scraper.whole and scraper.last >= since and scraper.confirmed >= latest for scraper in live)

    def _heir(self, connection: Connection, now: float) -> _Scraper | None:
        """The scraper at the same address that has lost its connection and is nearest to being due."""
        self._forget(now)
        lost = [
            scraper
            for scraper in self._known.values()
            if scraper.connection.address == connection.address and scraper.has_lost_its_connection(now)
        ]
        if not lost:
            return None
        scraper = min(lost, key=lambda scraper: (scraper.lateness(now), scraper.last))
        del self._known[scraper.connection]
        scraper.reconnect(connection)
        return scraper

    def _forget(self, now: float) -> None:
        gone = sorted(
            (scraper for scraper in self._known.values() if scraper.connection.closed), key=lambda scraper: scraper.last
        )
        surplus = len(self._known) - MAX_SCRAPERS
        for rank, scraper in enumerate(gone):
            # While this exporter was not there nobody could come.
            if rank < surplus or now - max(scraper.last, self._started) > FORGET_AFTER:
                del self._known[scraper.connection]

    def restore(self) -> int:
        """Takes up what was kept; returns the stamp up to which anybody has been shown a true value."""
        match self._state.read_scrapers():
            case {"shown": int(shown), "scrapers": list(entries)}:
                self._shown = shown
            case None:
                return 0
            case _:  # to show every series at zero again would look like as many attacks
                return self._births.latest
        age = self._clock.time() - self._clock.monotonic()
        for entry in entries:
            match entry:
                case [str(address), int(confirmed), int(once), float(seen), float() | None as interval]:
                    scraper = _Scraper(Connection(address, closed=True), confirmed, sent_once=once)
                    scraper.last, scraper.interval = min(seen - age, self._started), interval
                    self._known[scraper.connection] = scraper
        return shown

    def _keep(self) -> None:
        """Writes down what changed: only births change it, not time, so a quiet cluster writes nothing."""
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
