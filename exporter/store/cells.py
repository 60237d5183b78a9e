"""The numbers of a family's slots: a file of cells of one size, each written in place.

It is written to and not mapped: a mapped file that somebody cuts short ends the process by SIGBUS.
"""

import os
import sys
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from exporter.private import ForeignStateError, is_in_place, open_regular, replace_private
from exporter.store.health import Health

_MAGIC = b"thrtbrd1"
_HEADER = 4096
_CELL = Struct("=3Q")
_WORD = 8
_CREATED, _CHECK = 1 * _WORD, 2 * _WORD
_FREE = bytes(_WORD)

STEP = 1024
"""Cells that a file grows by at least; it grows to twice its size."""


class Cell(NamedTuple):
    """A slot's numbers: its value, its creation stamp, and the check of the line that names it, 0 if none does."""

    value: int
    created: int
    check: int


class CellFile:
    """One family's numbers. A disk that fails is told to `health` and never raised once the file is open."""

    def __init__(self, health: Health, path: Path, at_most: int) -> None:
        """Opens or makes the file, of which `at_most` cells are taken up; raises OSError or ForeignStateError."""
        self._path = path
        self._health = health
        self._file = open_regular(path, os.O_RDWR | os.O_CREAT)
        # Zero is an allocation that a full disk broke off.
        if os.pread(self._file, _WORD, 0).ljust(_WORD, b"\0") not in (_MAGIC, _FREE):
            os.close(self._file)
            raise ForeignStateError(f"{path.name} was not written by threatboard")
        self._slots = min(at_most, max(0, os.fstat(self._file).st_size - _HEADER) // _CELL.size)
        self._wanted = self._slots
        self._short = self._stale = False

    def close(self) -> None:
        os.close(self._file)

    def read(self) -> Iterator[tuple[int, Cell]]:
        """Every slot with its cell."""
        for start in range(0, self._slots, STEP):
            content = os.pread(self._file, STEP * _CELL.size, _place(start))
            whole = len(content) - len(content) % _CELL.size
            yield from enumerate(map(Cell._make, _CELL.iter_unpack(content[:whole])), start)

    def write(self, slot: int, cell: Cell) -> None:
        """Writes a cell, for which the file grows if need be."""
        self._wanted = max(self._wanted, slot + 1)
        if self._wanted > self._slots and not self._short:
            self._grow()
        self._put(slot, 0, _CELL.pack(*cell))

    def write_value(self, slot: int, value: int) -> None:
        """Writes a value into a cell that has the rest."""
        self._put(slot, 0, value.to_bytes(_WORD, sys.byteorder))

    def write_created(self, slot: int, created: int) -> None:
        """Writes a creation stamp into a cell that has the rest."""
        self._put(slot, _CREATED, created.to_bytes(_WORD, sys.byteorder))

    def clear(self, slot: int) -> None:
        """Notes that a slot is free."""
        self._put(slot, _CHECK, _FREE)

    def wants_rewrite(self) -> bool:
        """Whether `maintain` needs the cells of all series: the file is damaged, or has no room for all."""
        if not self._stale and self._slots and not is_in_place(self._file, self._path, _place(self._slots)):
            self._stale = True
            self._health.trouble(self._path.name, f"{self._path} was cut short or replaced while in use")
        return self._stale or self._short

    def maintain(self, cells: Iterable[tuple[int, Cell]]) -> None:
        """Grows the file or writes it anew where `wants_rewrite` said so."""
        if self._short and not self._stale:
            missing = self._slots
            if self._grow():
                for slot, cell in cells:
                    if slot >= missing:
                        self._put(slot, 0, _CELL.pack(*cell))
        elif self._stale:
            self._rewrite(cells)

    def _put(self, slot: int, offset: int, content: bytes) -> None:
        if slot >= self._slots:
            return  # the disk has had no room for it; it is in memory
        try:
            os.pwrite(self._file, content, _place(slot) + offset)
        except OSError as error:
            self._stale = True
            self._health.trouble(self._path.name, f"{self._path} cannot be written: {error.strerror}")

    def _grow(self) -> bool:
        """Makes the file large enough for all that is wanted, and as much again; False if the disk has no room."""
        slots = max(self._wanted, 2 * self._slots, STEP)
        try:
            # A hole in the file could not be filled on a full disk.
            os.posix_fallocate(self._file, 0, _place(slots))
            os.pwrite(self._file, _MAGIC, 0)
        except OSError as error:
            self._short = True
            message = f"{self._path} has no room for {self._wanted} series: {error.strerror}"
            self._health.trouble(self._path.name, message)
            return False
        self._slots = slots
        self._short = False
        self._health.fine(self._path.name)
        return True

    def _rewrite(self, cells: Iterable[tuple[int, Cell]]) -> None:
        slots = max(self._wanted, STEP)
        words = array("Q", bytes(_place(slots)))
        for slot, cell in cells:
            at = _place(slot) // _WORD
            words[at : at + len(cell)] = array("Q", cell)
        content = _MAGIC + words.tobytes()[_WORD:]
        try:
            file = replace_private(self._path, content, os.O_RDWR)
        except OSError as error:
            self._health.trouble(self._path.name, f"{self._path} cannot be written: {error.strerror}")
            return
        os.close(self._file)
        self._file = file
        self._slots = slots
        self._short = self._stale = False
        self._health.fine(self._path.name)


def _place(slot: int) -> int:
    return _HEADER + slot * _CELL.size
