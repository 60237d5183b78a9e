"""Who scrapes, and what each scraper has seen: which new series an answer must still show at zero.

A scraper is known by its connection: Prometheus and everything built on its scrape loop keep one open per server and
target. For each scraper two birth stamps are enough. `confirmed`: every series born up to it has been seen at zero.
`offered`: what the last answer showed at zero at most. The next request on the same connection proves that the last
answer was read, so `offered` becomes `confirmed`. After a reconnection nothing is proven: the zeros are shown again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.clock import Clock
from exporter.series import Births

MAX_SCRAPERS = 256
"""Identities kept; past it the one not seen for longest whose connection is gone is forgotten."""

FORGET_AFTER = 3600.0
"""Seconds after which a scraper that is gone is forgotten: later its address may be somebody else's."""

MISSED = 1.5
"""A scraper whose connection looks open but who is this many intervals late has lost it without our noticing."""


@dataclass(eq=False, slots=True)
class Connection:
    """A client's connection: the peer's address, whether it has ended, and how to end it at once."""

    address: str
    closed: bool = False
    abort: Callable[[], None] = lambda: None


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


@dataclass
class Scrapers:
    """The scrapers of one exporter. `settle` and `zero_hold` in seconds, changeable at any time."""

    births: Births
    clock: Clock
    settle: float = 600.0
    zero_hold: float = 0.0
    _known: dict[Connection, _Scraper] = field(default_factory=dict)

    def answer(self, connection: Connection) -> Answer:
        """What to show the scraper on this connection now."""
        if self.zero_hold > 0:
            # Behind a proxy that pools connections a connection says nothing about who reads.
            return Answer(self.births.at(self.zero_hold))
        now = self.clock.monotonic()
        scraper = self._known.get(connection)
        if scraper is not None:
            scraper.confirmed = scraper.offered
            scraper.interval = now - scraper.last
        else:
            scraper = self._heir(connection, now) or _Scraper(connection, confirmed=self.births.at(self.settle))
            self._known[connection] = scraper
        scraper.last = now
        scraper.offered = self.births.latest
        scraper.whole = False
        return Answer(scraper.confirmed, scraper)

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
            if rank < surplus or now - scraper.last > FORGET_AFTER:
                del self._known[scraper.connection]
