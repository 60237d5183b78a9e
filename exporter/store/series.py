"""The counter store: series that are first shown at zero, bounded in number, and expire when idle.

Prometheus' `increase()` cannot see a series that is born at 1, and the alerts that matter are exactly those. So every
new series has a birth stamp, and an answer is rendered for a cut-off: series born after it read 0. Which cut-off a
scraper gets is the business of `exporter/store/scrapers.py`.

The text of a series is made once, at its birth, as a template with a place for the number; a page is slices of
templates filled in by one `%` each. Everything here runs on the event loop's thread.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from sys import intern
from typing import Protocol

from exporter.catalog import OTHER, SHARE_DIVISOR, Metric
from exporter.clock import Clock

SLICE = 512
"""Series rendered in one go; between slices the event loop takes events."""

WORDS = 3
"""Words of a slot in a ledger's cells: the value, the birth stamp, and one that the ledger has for itself."""

_NEVER = float("inf")

Labels = tuple[str, ...]


class Ledger(Protocol):
    """Where a family keeps its numbers, and the names of the slots: in memory, or in files (`state.py`)."""

    cells: memoryview
    """`WORDS` unsigned 64-bit words a slot; another object after `reserve`."""

    def restore(self) -> Iterable[tuple[int, Labels]]:
        """The series that were held before, with their slots."""

    def reserve(self, slots: int, /) -> bool:
        """Makes room for this many slots; False if there is none."""

    def name(self, slot: int, labels: Labels, /) -> None:
        """Notes that a series has taken a slot."""

    def drop(self, slot: int, /) -> None:
        """Notes that a slot is free."""

    def maintain(self, held: Iterable[tuple[int, Labels]], /) -> None:
        """Does what can wait."""


class MemoryLedger:
    """A ledger that dies with the process."""

    def __init__(self) -> None:
        self.cells = memoryview(bytearray()).cast("Q")

    def restore(self) -> Iterable[tuple[int, Labels]]:
        return ()

    def reserve(self, slots: int) -> bool:
        if slots * WORDS > len(self.cells):
            self.cells = enlarged(self.cells, slots)
        return True

    def name(self, slot: int, labels: Labels) -> None:
        """Nothing to note."""

    def drop(self, slot: int) -> None:
        """Nothing to note."""

    def maintain(self, held: Iterable[tuple[int, Labels]]) -> None:
        """Nothing to do."""


def enlarged(cells: memoryview, slots: int) -> memoryview:
    """A copy in memory with room for this many slots, and for twice as many as before."""
    larger = bytearray(max(slots * WORDS * 8, 2 * cells.nbytes))
    larger[: cells.nbytes] = cells.cast("B")
    return memoryview(larger).cast("Q")


@dataclass(frozen=True, slots=True)
class Sample:
    """One series as a scraper would see it."""

    labels: Labels
    value: int


class Births:
    """Hands out birth stamps: microseconds of Unix time as of the start, each above the one before.

    From there it is the steady clock that counts: were the wall clock to step back, series long shown would be young
    again and read 0.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.time() - clock.monotonic()
        self.latest = 0

    def stamp(self) -> int:
        """A stamp for a series that is born now."""
        self.latest = max(self.latest + 1, self.at(0.0))
        return self.latest

    def at(self, seconds_ago: float) -> int:
        """The stamp that a series born this long ago would have."""
        return int((self._start + self._clock.monotonic() - seconds_ago) * 1e6)

    def resume(self, stamp: int) -> None:
        """Goes on after a stamp of an earlier process, whose clock may have been ahead."""
        self.latest = max(self.latest, stamp)
        self._start = max(self._start, stamp / 1e6 - self._clock.monotonic())


class Family:
    """All series of one stored metric. `limit` is the number of label sets, overflow series not counted."""

    def __init__(self, metric: Metric, limit: int, births: Births, clock: Clock, ledger: Ledger | None = None) -> None:
        self.metric = metric
        self.limit = limit
        self.overflowed = 0
        self.expired = 0
        self._births = births
        self._clock = clock
        self._ledger = ledger or MemoryLedger()
        self._slots: dict[Labels, int] = {}
        self._keys: list[Labels] = []
        self._lines: list[bytes] = []
        self._touched = array("d")
        self._newest: list[int] = []
        self._free: list[int] = []
        self._share_at = [metric.labels.index(label) for label in metric.share]
        self._shares: dict[Labels, int] = {}
        self._overflow = [(metric.overflow or {}).get(label, (OTHER,)) for label in metric.labels]
        self._pinned = frozenset(product(*self._overflow)) if metric.overflow is not None else frozenset()
        self._restore()
        for labels in sorted(self._pinned):
            slot = self._slots.get(labels)
            if slot is None:
                slot = self._create(labels)
            if slot is not None:  # a full disk may have no room for one that an older version did not have
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
        self._ledger.cells[WORDS * slot] += amount
        self._touch(slot)

    def set(self, labels: Labels, value: int) -> None:
        """Sets a gauge, or a counter that somebody else keeps, to its absolute value (0 to 2^64 - 1)."""
        slot = self._slots.get(labels)
        if slot is None:
            slot = self._place(labels)
            if slot is None:
                return
        self._ledger.cells[WORDS * slot] = value
        self._touch(slot)

    def _touch(self, slot: int) -> None:
        if self._touched[slot] != _NEVER:
            self._touched[slot] = self._clock.monotonic()

    def samples(self) -> Iterator[Sample]:
        """Every series with its true value."""
        for labels, slot in self._slots.items():
            yield Sample(labels, self._ledger.cells[WORDS * slot])

    def slices(self, cutoff: int | None) -> Iterator[bytes]:
        """The family's lines, slice by slice; series born after `cutoff` read 0 (None: every value is true)."""
        if not self.metric.zero_first:
            cutoff = None
        for start in range(0, len(self._lines), SLICE):
            lines = self._lines[start : start + SLICE]
            cells = self._ledger.cells[WORDS * start : WORDS * (start + len(lines))]
            values: Sequence[int] = cells[::WORDS].tolist()
            if cutoff is not None and self._newest[start // SLICE] > cutoff:
                born = cells[1::WORDS].tolist()
                values = [0 if birth > cutoff else value for birth, value in zip(born, values, strict=True)]
            if self._free:
                values = [value for value, line in zip(values, lines, strict=True) if line]
            yield b"".join(lines) % tuple(values)

    def expire(self, idle: float) -> None:
        """Drops the series that nothing has touched for this many seconds; overflow series stay."""
        before = self._clock.monotonic() - idle
        for slot in [slot for slot, touched in enumerate(self._touched) if touched < before]:
            labels = self._keys[slot]
            del self._slots[labels]
            self._count_share(labels, -1)
            self._ledger.drop(slot)
            self._vacate(slot)
            self.expired += 1
        self._ledger.maintain((slot, labels) for labels, slot in self._slots.items())

    def resize(self, limit: int) -> None:
        """Takes a new limit into use; a lower one drops nothing, it lets nothing new in."""
        self.limit = limit
        self._ledger.reserve(limit + len(self._pinned))

    def reborn(self, after: int) -> None:
        """Gives the series born after this stamp another birth now: nobody has been shown their value yet."""
        for slot in self._slots.values():
            if self._ledger.cells[WORDS * slot + 1] > after:
                self._bear(slot)

    def _restore(self) -> None:
        self._ledger.reserve(self.limit + len(self._pinned))
        held = dict(self._ledger.restore())
        for slot in range(max(held, default=-1) + 1):
            self._extend()
            if slot in held:
                self._occupy(slot, held[slot])
                birth = self._ledger.cells[WORDS * slot + 1]
                self._births.resume(birth)
                self._newest[slot // SLICE] = max(self._newest[slot // SLICE], birth)
            else:
                self._vacate(slot)

    def _place(self, labels: Labels) -> int | None:
        """The slot for a label set not seen yet: a new one, else its overflow series, else none."""
        room = len(self._slots) - len(self._pinned) < self.limit
        if room and self._shares.get(self._share(labels), 0) < self._quota():
            slot = self._create(labels)
            if slot is not None:
                return slot
        self.overflowed += 1
        if not self._pinned:
            return None
        kept = (value if value in closed else OTHER for value, closed in zip(labels, self._overflow, strict=True))
        return self._slots.get(tuple(kept))

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

    def _create(self, labels: Labels) -> int | None:
        """A slot for these labels, born now; None if there is no room for its numbers."""
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self._keys)
            if not self._ledger.reserve(slot + 1):
                return None
            self._extend()
        self._ledger.cells[WORDS * slot] = 0  # before it has a name: a process may die in between
        self._bear(slot)
        self._occupy(slot, labels)
        self._ledger.name(slot, labels)
        return slot

    def _bear(self, slot: int) -> None:
        self._ledger.cells[WORDS * slot + 1] = self._newest[slot // SLICE] = self._births.stamp()

    def _extend(self) -> None:
        """One more slot, empty."""
        if len(self._keys) % SLICE == 0:
            self._newest.append(0)
        self._keys.append(())
        self._lines.append(b"")
        self._touched.append(_NEVER)

    def _occupy(self, slot: int, labels: Labels) -> None:
        labels = tuple(map(intern, labels))  # every event brings its own copy of a rule's name
        self._slots[labels] = slot
        self._keys[slot] = labels
        self._lines[slot] = _template(self.metric, labels)
        self._touched[slot] = self._clock.monotonic()
        if labels not in self._pinned:
            self._count_share(labels, 1)

    def _vacate(self, slot: int) -> None:
        self._keys[slot] = ()
        self._lines[slot] = b""
        self._touched[slot] = _NEVER
        self._free.append(slot)


class Store:
    """The stored families by metric name, and what they have in common: births, limit and expiry."""

    def __init__(
        self, metrics: Sequence[Metric], limit: int, clock: Clock, ledgers: Mapping[str, Ledger] | None = None
    ) -> None:
        self.births = Births(clock)
        ledgers = ledgers or {}
        self.families = {
            metric.name: Family(metric, limit, self.births, clock, ledgers.get(metric.name)) for metric in metrics
        }

    def reborn(self, after: int) -> None:
        """Gives the series born after this stamp another birth now: nobody has been shown their value yet."""
        for family in self.families.values():
            family.reborn(after)

    def resize(self, limit: int) -> None:
        """Takes a new limit into use."""
        for family in self.families.values():
            family.resize(limit)

    def expire(self, idle: float) -> None:
        """Drops the series of every family that were idle for this many seconds."""
        for family in self.families.values():
            family.expire(idle)


def _template(metric: Metric, labels: Labels) -> bytes:
    """One line of the text format (the same in OpenMetrics) with `%d` for the number."""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, labels, strict=True))
    return f"{metric.name}{{{pairs}}}".replace("%", "%%").encode() + b" %d\n"


def _escaped(value: str) -> str:
    """A label value as both text formats write it (prometheus.io, "Exposition formats"; OpenMetrics 1.0, 3.2)."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
