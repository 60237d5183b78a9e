"""The names of a family's slots: a file that grows by a line a change and is written anew now and then."""

import contextlib
import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from exporter.private import ForeignStateError, is_in_place, open_regular, replace_private
from exporter.store.health import Health

_log = logging.getLogger("threatboard")

_SLOT_DIGITS = 9

_LONGEST = 1 << 20
"""Bytes after which a line is taken for damaged: far above what the limit of a label allows."""

REWRITE_ABOVE = 1 << 20
"""A key file is written anew when it is twice what it need be and larger than this many bytes."""

MAX_UNWRITTEN = 1 << 20
"""Bytes of lines that wait for a disk to take them; past it they are forgotten and the whole file is written anew."""

Labels = tuple[str, ...]


class KeyFile:
    """One family's names. A disk that fails is told to `health` and never raised once the file is open."""

    def __init__(self, health: Health, path: Path, labels: Labels) -> None:
        """Opens or makes the file; raises OSError or ForeignStateError."""
        self.path = path
        self._health = health
        self._width = len(labels)
        self._head = _signed(b"labels", orjson.dumps(labels))
        self._unwritten = bytearray()
        self._stale = False
        self._size = self._needed_size = 0
        self._places = self._read_places()
        self._file = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        if not self._size:
            self.append(self._head)

    @property
    def unread(self) -> int:
        """How many names `read` will give."""
        return len(self._places)

    def close(self) -> None:
        os.close(self._file)

    def read(self) -> Iterator[tuple[int, int, Labels | None]]:
        """Slot, check and label values of each name, by rising slot; no labels where the line is not this family's."""
        places, self._places = self._places, {}
        if not places:
            return
        with self._reading() as file:
            for slot in sorted(places):
                file.seek(places[slot])
                line = file.readline()
                yield slot, _check(line), self._labels(line)

    def append(self, line: bytes) -> None:
        """Adds a line, or keeps it until the disk takes it."""
        if self._stale:
            return
        self._unwritten += line
        try:
            while self._unwritten:
                written = os.write(self._file, self._unwritten)
                self._size += written
                del self._unwritten[:written]
        except OSError as error:
            self._trouble(error)
            if len(self._unwritten) > MAX_UNWRITTEN:
                self._unwritten.clear()
                self._stale = True
        else:
            self._health.fine(self.path.name)

    def wants_rewrite(self) -> bool:
        """Whether `maintain` needs the names of all series: the file is damaged or mostly history."""
        if not self._stale and not is_in_place(self._file, self.path, self._size):
            self._stale = True
            self._health.trouble(self.path.name, f"{self.path} was cut short or replaced while in use")
        return self._stale or self._size > max(REWRITE_ABOVE, 2 * self._needed_size)

    def maintain(self, named: Iterable[tuple[int, Labels]]) -> None:
        """Tries again what the disk would not take; writes the file anew where `wants_rewrite` said so."""
        if self.wants_rewrite():
            self._rewrite(b"".join([self._head, *(key_line(slot, labels)[0] for slot, labels in named)]))
        elif self._unwritten:
            self.append(b"")

    def _read_places(self) -> dict[int, int]:
        """Slot -> where in the file its last line begins; what is damaged is left out."""
        places: dict[int, int] = {}
        lengths: dict[int, int] = {}
        damaged = 0
        head = end = b""
        with contextlib.suppress(FileNotFoundError), self._reading() as file:
            for place, line in _lines(file):
                end = line
                checksum, _, rest = line.removesuffix(b"\n").partition(b" ")
                key = rest.partition(b" ")[0]
                is_slot = key.isdigit() and len(key) <= _SLOT_DIGITS
                if checksum != _checksum(rest) or not (is_slot or key == b"labels"):
                    damaged += line != b"\n"
                elif not is_slot:
                    head = line
                elif rest.endswith(b" null"):
                    places.pop(int(key), None)
                    lengths.pop(int(key), None)
                else:
                    places[int(key)], lengths[int(key)] = place, len(line)
            self._size = file.tell()
        if damaged:
            _log.warning("state: %s: %d damaged lines are left out", self.path, damaged)
        if self._size and head != self._head:
            raise ForeignStateError(f"{self.path.name} does not have the labels that this version counts by")
        if self._size and not end.endswith(b"\n"):
            self._unwritten += b"\n"  # the next line must not continue half a one
        self._needed_size = sum(lengths.values())
        return places

    def _reading(self) -> BinaryIO:
        return os.fdopen(open_regular(self.path, os.O_RDONLY), "rb")

    def _labels(self, line: bytes) -> Labels | None:
        """The label values of a line; None if it has not those of this family, whatever its checksum says."""
        try:
            values = orjson.loads(line.split(b" ", 2)[2])
        except (IndexError, orjson.JSONDecodeError):
            return None
        fits = isinstance(values, list) and len(values) == self._width
        return tuple(values) if fits and all(isinstance(value, str) for value in values) else None

    def _rewrite(self, text: bytes) -> None:
        try:
            file = replace_private(self.path, text, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            self._trouble(error)
            return
        os.close(self._file)
        self._file = file
        self._size = self._needed_size = len(text)
        self._unwritten.clear()
        self._stale = False
        self._health.fine(self.path.name)

    def _trouble(self, error: OSError) -> None:
        self._health.trouble(self.path.name, f"{self.path} cannot be written: {error.strerror}")


def key_line(slot: int, labels: Labels | None) -> tuple[bytes, int]:
    """The line that gives a slot its name, or takes it (None); and its check, as the slot's cell holds it."""
    line = _signed(b"%d" % slot, orjson.dumps(labels))
    return line, _check(line)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line with the place where it begins; one that is endless comes in pieces."""
    place = 0
    while line := file.readline(_LONGEST):
        yield place, line
        place += len(line)


def _signed(key: bytes, text: bytes) -> bytes:
    content = key + b" " + text
    return b"%b %b\n" % (_checksum(content), content)


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def _check(line: bytes) -> int:
    """The checksum of a line as a word; never 0, which says that the slot is free."""
    return 1 << 32 | int(line[:8], 16)
