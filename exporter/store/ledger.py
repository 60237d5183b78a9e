"""A family's two files in the state directory (the format is described in `exporter/store/state.py`)."""

import contextlib
import logging
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import orjson

from exporter.store.series import WORDS, Labels, enlarged

_log = logging.getLogger("threatboard")

_MAGIC = int.from_bytes(b"thrtbrd1", "little")
_WORD = 8
_HEADER = 4096 // _WORD
_CHECK = 2
_SLOT_DIGITS = 9

REWRITE_ABOVE = 1 << 20
"""A key file is written anew when it is twice what it need be and larger than this many bytes."""

MAX_UNWRITTEN = 1 << 20
"""Bytes of lines that wait for a disk to take them; past it they are forgotten and the whole file is written anew."""


class Health(Protocol):
    """Whom to tell how a file (`part`) is doing."""

    def trouble(self, part: str, message: str) -> None: ...
    def fine(self, part: str) -> None: ...


class ForeignStateError(Exception):
    """A file in the state directory is not what it should be."""


class FileLedger:
    """The files of one family; see `series.Ledger`. A disk that fails is told to `health` and never raised later on.

    A family that has no file yet is counted in memory until the disk has room; one that has keeps to the room it has.
    """

    def __init__(self, health: Health, folder: Path, family: str, labels: Labels) -> None:
        """Opens or makes the files; raises OSError or ForeignStateError."""
        self._health = health
        self._cells_path, self._keys_path = folder / f"{family}.cells", folder / f"{family}.keys"
        self._width = len(labels)
        self._head = _line(b"labels", orjson.dumps(labels))
        self.cells = memoryview(b"").cast("Q")
        self._mapped = self._short = self._stale = False
        self._unwritten = bytearray()
        self._named = self._read_keys()
        self._needed_size = sum(map(len, self._named.values()))
        slots = self._read_size()
        self._cells_file = os.open(self._cells_path, os.O_RDWR | os.O_CREAT, 0o600)
        self._keys_file = os.open(self._keys_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._wanted = slots
        if slots:
            self._map()
        if not self._keys_size:
            self._append(self._head)

    def restore(self) -> Iterator[tuple[int, Labels]]:
        """The series that were held, with their slots; once."""
        named, self._named = self._named, {}
        checks = self.cells[_CHECK::WORDS].tolist()
        lost = {slot for slot, check in enumerate(checks) if check} | named.keys()
        for slot, line in named.items():
            labels = self._labels(line) if slot < len(checks) and checks[slot] == _check(line) else None
            if labels is not None:
                lost.remove(slot)
                yield slot, labels
        for slot in lost:
            self.drop(slot)
        if lost:
            _log.warning("state: %s: %d series could not be read, they begin anew", self._keys_path, len(lost))

    def _labels(self, line: bytes) -> Labels | None:
        """The label values of a line; None if it has not those of this family, whatever its checksum says."""
        try:
            values = orjson.loads(line.split(b" ", 2)[2])
        except (IndexError, orjson.JSONDecodeError):
            return None
        fits = isinstance(values, list) and len(values) == self._width
        return tuple(values) if fits and all(isinstance(value, str) for value in values) else None

    def reserve(self, slots: int) -> bool:
        """Makes room for this many slots; False if the disk has none."""
        if slots > self._room():
            self._wanted = max(self._wanted, slots)
            if not self._short:
                self._grow()
            if not self._mapped:
                self.cells = enlarged(self.cells, self._wanted)
        return slots <= self._room()

    def name(self, slot: int, labels: Labels) -> None:
        """Notes that a series has taken a slot."""
        line = _line(b"%d" % slot, orjson.dumps(labels))
        self._append(line)
        self.cells[WORDS * slot + _CHECK] = _check(line)

    def drop(self, slot: int) -> None:
        """Notes that a slot is free."""
        if slot < self._room():
            self.cells[WORDS * slot + _CHECK] = 0
        self._append(_line(b"%d" % slot, b"null"))

    def maintain(self, held: Iterable[tuple[int, Labels]]) -> None:
        """Tries again what the disk would not take, and writes the key file anew when most of it is history."""
        if self._short:
            self._grow()
        if self._unwritten:
            self._append(b"")
        if self._stale or self._keys_size > max(REWRITE_ABOVE, 2 * self._needed_size):
            lines = (_line(b"%d" % slot, orjson.dumps(labels)) for slot, labels in held)
            self._rewrite(b"".join([self._head, *lines]))

    def _room(self) -> int:
        return len(self.cells) // WORDS

    def _grow(self) -> None:
        """Makes the file as large as wanted, so that what was counted in memory meanwhile is in it."""
        try:
            self._map()
        except OSError as error:
            self._short = True
            message = f"{self._cells_path} has no room for {self._wanted} series: {error.strerror}"
            self._health.trouble(self._cells_path.name, message)
        else:
            self._short = False
            self._health.fine(self._cells_path.name)

    def _map(self) -> None:
        size = (_HEADER + self._wanted * WORDS) * _WORD
        os.posix_fallocate(self._cells_file, 0, size)
        words = memoryview(mmap.mmap(self._cells_file, size)).cast("Q")
        cells = words[_HEADER:]
        if not self._mapped:
            cells[: len(self.cells)] = self.cells
            words[0] = _MAGIC
            self._mapped = True
        self.cells = cells  # a page that is being rendered may still read the old mapping

    def _read_size(self) -> int:
        """The slots of the cells file as it is found."""
        with contextlib.suppress(FileNotFoundError), self._cells_path.open("rb") as file:
            # Zero is an allocation that a full disk broke off.
            if int.from_bytes(file.read(_WORD), "little") not in (0, _MAGIC):
                raise ForeignStateError(f"{self._cells_path.name} was not written by threatboard")
            return max(0, os.fstat(file.fileno()).st_size // _WORD - _HEADER) // WORDS
        return 0

    def _read_keys(self) -> dict[int, bytes]:
        """The last line of each slot that is taken; what is damaged is left out."""
        content = self._keys_path.read_bytes() if self._keys_path.exists() else b""
        self._keys_size = len(content)
        held: dict[bytes, bytes] = {}
        damaged = 0
        for line in content.split(b"\n"):
            checksum, _, rest = line.partition(b" ")
            key = rest.partition(b" ")[0]
            is_slot = key.isdigit() and len(key) <= _SLOT_DIGITS
            if checksum == _checksum(rest) and (is_slot or key == b"labels"):
                held[key] = line
            elif line:
                damaged += 1
        if damaged:
            _log.warning("state: %s: %d damaged lines are left out", self._keys_path, damaged)
        if content and held.pop(b"labels", None) != self._head[:-1]:
            raise ForeignStateError(f"{self._keys_path.name} does not have the labels that this version counts by")
        if not content.endswith(b"\n") and content:
            self._unwritten += b"\n"  # the next line must not continue half a one
        return {int(slot): line for slot, line in held.items() if not line.endswith(b" null")}

    def _append(self, line: bytes) -> None:
        if self._stale:
            return
        self._unwritten += line
        try:
            while self._unwritten:
                written = os.write(self._keys_file, self._unwritten)
                self._keys_size += written
                del self._unwritten[:written]
        except OSError as error:
            self._trouble_with_keys(error)
            if len(self._unwritten) > MAX_UNWRITTEN:
                self._unwritten.clear()
                self._stale = True
        else:
            self._health.fine(self._keys_path.name)

    def _rewrite(self, text: bytes) -> None:
        fresh = self._keys_path.with_suffix(".new")
        try:
            write_private(fresh, text)
            fresh.replace(self._keys_path)
            file = os.open(self._keys_path, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            self._trouble_with_keys(error)
            return
        os.close(self._keys_file)
        self._keys_file = file
        self._keys_size = self._needed_size = len(text)
        self._unwritten.clear()
        self._stale = False
        self._health.fine(self._keys_path.name)

    def _trouble_with_keys(self, error: OSError) -> None:
        self._health.trouble(self._keys_path.name, f"{self._keys_path} cannot be written: {error.strerror}")


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that nobody else may read, whatever the umask and whatever was there; raises OSError."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        while content:
            content = content[os.write(file, content) :]
    finally:
        os.close(file)


def _line(key: bytes, text: bytes) -> bytes:
    content = key + b" " + text
    return b"%b %b\n" % (_checksum(content), content)


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def _check(line: bytes) -> int:
    """The checksum of a line as the word that its slot holds; never 0, which says that the slot is free."""
    return 1 << 32 | int(line[:8], 16)
