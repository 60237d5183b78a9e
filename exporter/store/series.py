"""The counter store: series that are first shown at zero, bounded in number and bytes, and expire when idle.

Prometheus' `increase()` cannot see a series that begins at 1, and the alerts that matter are exactly those. So every
new series has a creation stamp, and an answer is rendered for a cut-off: series created after it read 0. Which cut-off
a scraper gets is the business of `exporter/store/scrapers.py`.

The text of a series is made once, at its creation, as a template with a place for the number; a page is slices of
templates filled in by one `%` each. Everything here runs on the event loop's thread.
"""

import logging
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from sys import intern

from exporter.catalog import OTHER, SHARE_DIVISOR, Metric
from exporter.clock import Clock
from exporter.store.creation import CreationClock
from exporter.store.ledger import Held, Labels, Ledger, NoLedger
from exporter.store.lines import template
from exporter.store.room import Room, size_of
from exporter.store.slices import SLICE, Slices

_log = logging.getLogger("threatboard")

LEAVES_EARLY = 600.0
"""Seconds without an event after which a series that every scraper has seen may leave for one that finds no place: as
far back as the rules for single events look."""

COUNTS_TO = 2**53
"""Past it the numbers of Prometheus no longer count by ones, nor see an alert: the counter begins anew."""

_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Sample:
    """One series as a scraper would see it."""

    labels: Labels
    value: int


class Family:
    """All series of one stored metric. `limit` is the number of label sets, overflow series not counted."""

    def __init__(
        self,
        metric: Metric,
        limit: int,
        creation: CreationClock,
        clock: Clock,
        ledger: Ledger | None = None,
        room: Room | None = None,
    ) -> None:
        self.metric = metric
        self.overflowed = 0
        self.expired = 0
        self._creation = creation
        self._clock = clock
        self._ledger = ledger or NoLedger()
        self._room = room or Room(1 << 62)
        self._slots: dict[Labels, int] = {}
        self._keys: list[Labels] = []
        self._lines: list[bytes] = []
        self._ends = Slices(self._lines)
        self._sizes = array("I")
        self._values = array("Q")
        self._created = array("Q")
        self._touched = array("d")
        self._newest: list[int] = []
        self._free: list[int] = []
        self._share_at = [metric.labels.index(label) for label in metric.share]
        self._shares: dict[Labels, int] = {}
        self._crowded: set[Labels | None] = set()
        self._overflow = [(metric.overflow or {}).get(label, (OTHER,)) for label in metric.labels]
        self._kept: frozenset[Labels] = frozenset()
        self._pinned = frozenset(product(*self._overflow)) if metric.overflow is not None else frozenset()
        self.resize(limit)
        self._restore()
        for labels in sorted(self._pinned):
            slot = self._slots.get(labels)
            if slot is None:
                line = template(metric, labels)
                slot = self._create(labels, line, size_of(labels, line))
            self._touched[slot] = _NEVER

    def __len__(self) -> int:
        """Series held, overflow series included."""
        return len(self._slots)

    def add(self, labels: Labels, amount: int = 1) -> None:
        """Adds to a counter; a label set that finds no place is counted in its overflow series."""
        slot = self._slots.get(labels)
        if slot is None:
            slot = self._place(labels)
            if slot is None:
                return
        before = self._values[slot]
        self._set(slot, before + amount if before <= COUNTS_TO else amount)

    def set(self, labels: Labels, value: int) -> None:
        """Sets a gauge, or a counter that somebody else keeps, to its absolute value (0 to 2^64 - 1)."""
        slot = self._slots.get(labels)
        if slot is None:
            slot = self._place(labels)
            if slot is None:
                return
        self._set(slot, value)

    def _set(self, slot: int, value: int) -> None:
        if self._values[slot] != value:
            self._values[slot] = value
            self._ledger.write(slot, value)
        if self._touched[slot] != _NEVER:
            self._touched[slot] = self._clock.monotonic()

    def samples(self) -> Iterator[Sample]:
        """Every series with its true value."""
        for labels, slot in self._slots.items():
            yield Sample(labels, self._values[slot])

    def slices(self, cutoff: int | None) -> Iterator[bytes]:
        """The family's lines, slice by slice; series created after `cutoff` read 0 (None: every value is true)."""
        if not self.metric.zero_first:
            cutoff = None
        start = 0
        while start < len(self._lines):
            begin, start = start, self._ends.end(start)
            lines = self._lines[begin:start]
            values: Sequence[int] = self._values[begin:start].tolist()
            if cutoff is not None and self._newest[begin // SLICE] > cutoff:
                created = self._created[begin:start].tolist()
                values = [0 if stamp > cutoff else value for stamp, value in zip(created, values, strict=True)]
            if self._free:
                values = [value for value, line in zip(values, lines, strict=True) if line]
            yield b"".join(lines) % tuple(values)

    def resize(self, limit: int) -> None:
        """Takes a new limit into use; a lower one drops nothing, it lets nothing new in."""
        self.limit = min(limit, self.metric.at_most or limit)

    def keep(self, wanted: Iterable[Labels]) -> None:
        """Has these series there from now on, without an event too; those kept before and wanted no more may expire."""
        before, self._kept = self._kept, frozenset(wanted)
        for labels in before - self._kept:
            if (slot := self._slots.get(labels)) is not None:
                self._touched[slot] = self._clock.monotonic()
        for labels in sorted(self._kept):
            slot = self._slots.get(labels)
            if slot is None:
                slot = self._new(labels)
            if slot is not None:
                self._touched[slot] = _NEVER

    def expire(self, idle: float) -> None:
        """Drops the series that nothing has touched for this many seconds; overflow series stay."""
        before = self._clock.monotonic() - idle
        for slot in [slot for slot, touched in enumerate(self._touched) if touched < before]:
            self._drop(slot)

    def make_room(self, seen: int, *, anywhere: bool = False) -> None:
        """Where a label set has found no place since the last call, lets a part of the longest idle series go.

        Only those that every scraper has seen (`seen`: the creation stamp of the newest that all have) and that no rule
        looks back at any more. `anywhere`: the store as a whole is short of room.
        """
        crowded, self._crowded = self._crowded, set()
        if not crowded and not anywhere:
            return
        before = self._clock.monotonic() - LEAVES_EARLY
        anywhere = anywhere or None in crowded
        leaving = [
            slot
            for slot, touched in enumerate(self._touched)
            if touched < before
            and self._created[slot] <= seen
            and (anywhere or self._share(self._keys[slot]) in crowded)
        ]
        leaving.sort(key=self._touched.__getitem__)
        for slot in leaving[: max(1, len(self) // SHARE_DIVISOR)]:
            self._drop(slot)

    def maintain(self) -> None:
        """Lets the ledger do what can wait."""
        self._ledger.maintain(
            Held(slot, labels, self._values[slot], self._created[slot]) for labels, slot in self._slots.items()
        )

    def restamp(self, after: int) -> None:
        """Stamps the series created after this stamp anew: nobody has been shown their value yet."""
        for slot in self._slots.values():
            if self._created[slot] > after:
                self._stamp(slot)
                self._ledger.stamp(slot, self._created[slot])

    def _restore(self) -> None:
        left_out = undated = 0
        for slot, labels, value, created in self._ledger.restore():
            line = template(self.metric, labels)
            size = size_of(labels, line)
            if labels not in self._pinned and not self._room.has(size):
                self._ledger.drop(slot)
                left_out += 1
                continue
            while len(self._keys) <= slot:
                self._extend()
                self._vacate(len(self._keys) - 1)
            self._free.pop()
            stamp = self._creation.resume(created)
            if stamp != created:
                self._ledger.stamp(slot, stamp)
                undated += 1
            self._values[slot], self._created[slot] = value, stamp
            self._newest[slot // SLICE] = max(self._newest[slot // SLICE], stamp)
            self._occupy(slot, labels, line, size)
        if left_out:
            self.expired += left_out
            _log.warning(
                "state: %s: %d series are more than series.max_bytes, they begin anew", self.metric.name, left_out
            )
        if undated:
            _log.warning(
                "state: %s: %d series have a creation stamp that cannot be, they count as old",
                self.metric.name,
                undated,
            )

    def _place(self, labels: Labels) -> int | None:
        """The slot for a label set not seen yet: a new one, else its overflow series, else none."""
        slot = self._new(labels)
        if slot is not None:
            return slot
        self.overflowed += 1
        if not self._pinned:
            return None
        kept = (value if value in closed else OTHER for value, closed in zip(labels, self._overflow, strict=True))
        return self._slots.get(tuple(kept))

    def _new(self, labels: Labels) -> int | None:
        """The slot of a new series; None where there is no room for it."""
        share = self._share(labels)
        if len(self._slots) - len(self._pinned) >= self.limit:
            self._crowded.add(None)
        elif self._shares.get(share, 0) >= self._quota():
            self._crowded.add(share)
        else:
            line = template(self.metric, labels)
            size = size_of(labels, line)
            if self._room.has(size):
                return self._create(labels, line, size)
        return None

    def _quota(self) -> int:
        return max(1, self.limit // SHARE_DIVISOR) if self._share_at else self.limit

    def _share(self, labels: Labels) -> Labels:
        return tuple(labels[index] for index in self._share_at)

    def _count_share(self, labels: Labels, change: int) -> None:
        share = self._share(labels)
        count = self._shares.get(share, 0) + change
        if count:
            self._shares[share] = count
        else:
            del self._shares[share]

    def _create(self, labels: Labels, line: bytes, size: int) -> int:
        """A slot for these labels, created now."""
        if not self._free:
            self._extend()
            self._free.append(len(self._keys) - 1)
        slot = self._free.pop()
        self._values[slot] = 0
        self._stamp(slot)
        self._occupy(slot, labels, line, size)
        self._ledger.name(slot, labels, self._created[slot])
        return slot

    def _stamp(self, slot: int) -> None:
        self._created[slot] = self._newest[slot // SLICE] = self._creation.stamp()

    def _extend(self) -> None:
        """One more slot, empty."""
        if len(self._keys) % SLICE == 0:
            self._newest.append(0)
            self._ends.extend()
        self._keys.append(())
        self._lines.append(b"")
        self._sizes.append(0)
        self._values.append(0)
        self._created.append(0)
        self._touched.append(_NEVER)

    def _occupy(self, slot: int, labels: Labels, line: bytes, size: int) -> None:
        labels = tuple(map(intern, labels))  # every event brings its own copy of a rule's name
        self._slots[labels] = slot
        self._keys[slot] = labels
        self._lines[slot] = line
        self._ends.changed(slot)
        self._sizes[slot] = size
        self._touched[slot] = self._clock.monotonic()
        self._room.used += size
        if labels not in self._pinned:
            self._count_share(labels, 1)

    def _drop(self, slot: int) -> None:
        labels = self._keys[slot]
        del self._slots[labels]
        self._count_share(labels, -1)
        self._room.used -= self._sizes[slot]
        self._ledger.drop(slot)
        self._vacate(slot)
        self.expired += 1

    def _vacate(self, slot: int) -> None:
        self._keys[slot] = ()
        self._lines[slot] = b""
        self._ends.changed(slot)
        self._touched[slot] = _NEVER
        self._free.append(slot)
