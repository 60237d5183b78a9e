"""Where a family writes down its numbers and names, so that another process can go on with them."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from exporter.store.cells import Cell, CellFile
from exporter.store.health import Health
from exporter.store.keys import KeyFile, key_line

_log = logging.getLogger("threatboard")

Labels = tuple[str, ...]

SLOTS = 1 << 20
"""Slots that are looked at in any file; in one of many names, `SLOTS_PER_NAME` for each. A file that claims more than
it can ever have held must not keep the start busy."""

SLOTS_PER_NAME = 4


class Held(NamedTuple):
    """A series with its slot, its value and its creation stamp."""

    slot: int
    labels: Labels
    value: int
    created: int


class Ledger(Protocol):
    """What a family tells of every change. A slot is a number from 0 up that a series has to itself."""

    def restore(self) -> Iterable[Held]:
        """The series that were held before, by rising slot; once, before anything else."""

    def name(self, slot: int, labels: Labels, created: int, /) -> None:
        """Notes that a series has taken a slot, with the value 0."""

    def write(self, slot: int, value: int, /) -> None:
        """Notes a value."""

    def stamp(self, slot: int, created: int, /) -> None:
        """Notes another creation stamp."""

    def drop(self, slot: int, /) -> None:
        """Notes that a slot is free."""

    def maintain(self, held: Iterable[Held], /) -> None:
        """Does what can wait."""


class NoLedger:
    """For a family that dies with the process."""

    def restore(self) -> Iterable[Held]:
        return ()

    def name(self, slot: int, labels: Labels, created: int) -> None:
        """Nothing to note."""

    def write(self, slot: int, value: int) -> None:
        """Nothing to note."""

    def stamp(self, slot: int, created: int) -> None:
        """Nothing to note."""

    def drop(self, slot: int) -> None:
        """Nothing to note."""

    def maintain(self, held: Iterable[Held]) -> None:
        """Nothing to do."""


class FileLedger:
    """The two files of one family (their format: `exporter/store/state.py`).

    A disk that fails is told to `health` and never raised once the files are open.
    """

    def __init__(self, health: Health, folder: Path, family: str, labels: Labels) -> None:
        """Opens or makes the files; raises OSError or ForeignStateError."""
        self._keys = KeyFile(health, folder / f"{family}.keys", labels)
        try:
            self._cells = CellFile(health, folder / f"{family}.cells", max(SLOTS, SLOTS_PER_NAME * self._keys.unread))
        except BaseException:
            self._keys.close()
            raise

    def close(self) -> None:
        """Closes both files, whatever has not been written."""
        self._keys.close()
        self._cells.close()

    def restore(self) -> Iterator[Held]:
        lost = 0
        named = self._keys.read()
        name = next(named, None)
        for slot, cell in self._cells.read():
            mine = name if name is not None and name[0] == slot else None
            if mine is not None:
                name = next(named, None)
            if mine is not None and mine[2] is not None and cell.check == mine[1]:
                yield Held(slot, mine[2], cell.value, cell.created)
            elif cell.check or mine is not None:
                lost += self._lose(slot)
        while name is not None:  # its cell was cut off
            lost += self._lose(name[0])
            name = next(named, None)
        if lost:
            _log.warning("state: %s: %d series could not be read, they begin anew", self._keys.path, lost)

    def _lose(self, slot: int) -> int:
        self.drop(slot)
        return 1

    def name(self, slot: int, labels: Labels, created: int) -> None:
        line, check = key_line(slot, labels)
        self._keys.append(line)
        self._cells.write(slot, Cell(0, created, check))  # the check last: a process may die in between

    def write(self, slot: int, value: int) -> None:
        self._cells.write_value(slot, value)

    def stamp(self, slot: int, created: int) -> None:
        self._cells.write_created(slot, created)

    def drop(self, slot: int) -> None:
        self._cells.clear(slot)
        self._keys.append(key_line(slot, None)[0])

    def maintain(self, held: Iterable[Held]) -> None:
        """Tries again what the disk would not take, and writes anew what is damaged or mostly history."""
        series = list(held) if self._keys.wants_rewrite() or self._cells.wants_rewrite() else []
        self._keys.maintain((one.slot, one.labels) for one in series)
        self._cells.maintain(
            (one.slot, Cell(one.value, one.created, key_line(one.slot, one.labels)[1])) for one in series
        )
