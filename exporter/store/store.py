"""All stored families together."""

from collections.abc import Mapping, Sequence

from exporter.catalog import Metric
from exporter.clock import Clock
from exporter.store.creation import CreationClock
from exporter.store.ledger import Ledger
from exporter.store.room import Room
from exporter.store.series import Family


class Store:
    """The stored families by metric name, and what they have in common: creation stamps, limits and expiry.

    `limit` is the number of series of a family, `max_bytes` what the text and the keys of all may take together.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        limit: int,
        max_bytes: int,
        clock: Clock,
        ledgers: Mapping[str, Ledger] | None = None,
    ) -> None:
        self.creation = CreationClock(clock)
        self._room = Room(max_bytes)
        ledgers = ledgers or {}
        self.families = {
            metric.name: Family(metric, limit, self.creation, clock, ledgers.get(metric.name), self._room)
            for metric in metrics
        }

    @property
    def bytes(self) -> int:
        """What the text and the keys of all series take."""
        return self._room.used

    @property
    def max_bytes(self) -> int:
        """What they may take."""
        return self._room.limit

    def restamp(self, after: int) -> None:
        """Stamps the series created after this stamp anew: nobody has been shown their value yet."""
        for family in self.families.values():
            family.restamp(after)

    def resize(self, limit: int, max_bytes: int) -> None:
        """Takes new limits into use."""
        self._room.limit = max_bytes
        for family in self.families.values():
            family.resize(limit)

    def expire(self, idle: float, seen: int) -> None:
        """Drops the series that were idle for this many seconds, and some sooner where there is no room for others.

        `seen` is the creation stamp up to which every scraper has seen every series.
        """
        short, self._room.short = self._room.short, False
        for family in self.families.values():
            family.expire(max(idle, family.metric.stays))
            family.make_room(seen, anywhere=short)
            family.maintain()
