"""The counter store's files: what was answered 204 is there after `kill -9` and a restart.

A state directory holds a folder for each version of the format (`v1`; another version's is left alone), and in it, for
each family of the store,

- `FAMILY.cells`: after a header of 4096 bytes that begins with a magic number, two unsigned 64-bit words in the
  machine's order for each slot, the value and the birth stamp. The file is mapped into memory, so that a change is in
  the kernel's hands the moment it is made, and is allocated whole: a hole in it on a full disk would be a SIGBUS;
- `FAMILY.keys`: a line `CRC SLOT LABELS` for a series that takes a slot, `CRC SLOT null` for one that leaves it (CRC-32
  of the rest in hexadecimal, LABELS a JSON array). The last line of a slot counts;

and `scrapers.json`, what the scrapers have seen. Nothing is synced to the disk: this is for a process that dies, not
for a machine that loses power.
"""

import errno
import fcntl
import logging
import mmap
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from exporter.series import WORDS, Labels, Ledger, MemoryLedger

_log = logging.getLogger("threatboard")

VERSION = "v1"

_MAGIC = int.from_bytes(b"thrtbrd1", "little")
_WORD = 8
_HEADER = 4096 // _WORD

REWRITE_ABOVE = 1 << 20
"""A key file is written anew when it has doubled since it last was and is larger than this many bytes."""


class ForeignStateError(Exception):
    """A file in the state directory is not what it should be."""


class FileLedger:
    """The files of one family; see `series.Ledger`. A disk that fails is told to `State` and never raised later on."""

    def __init__(self, state: "State", folder: Path, family: str) -> None:
        """Opens or makes the files; raises OSError or ForeignStateError."""
        self._state = state
        self._keys_path = folder / f"{family}.keys"
        self._cells_file = os.open(folder / f"{family}.cells", os.O_RDWR | os.O_CREAT, 0o600)
        self._keys_file = os.open(self._keys_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._unwritten: list[bytes] = []
        self._map: mmap.mmap | None = None
        self._words = self.cells = memoryview(b"").cast("Q")
        self._keys_size = 0
        size = os.fstat(self._cells_file).st_size
        self._allocate(max(0, size // _WORD - _HEADER) // WORDS)
        if size == 0:
            self._words[0] = _MAGIC
        elif self._words[0] != _MAGIC:
            raise ForeignStateError(f"{family}.cells was not written by threatboard")
        self._restored = self._read_keys()
        self._rewritten_size = self._keys_size

    def restore(self) -> Iterator[tuple[int, Labels]]:
        """The series that were held, with their slots; once."""
        restored, self._restored = self._restored, {}
        slots = len(self.cells) // WORDS
        for slot, labels in restored.items():
            if slot < slots:
                yield slot, tuple(orjson.loads(labels))
        lost = sum(slot >= slots for slot in restored)
        if lost:
            _log.warning("%s: the values of %d series are gone, they begin anew", self._keys_path, lost)

    def reserve(self, slots: int) -> bool:
        """Makes room for this many slots; False if the disk has none."""
        try:
            if slots * WORDS > len(self.cells):
                self._allocate(slots)
        except OSError as error:
            self._state.trouble(self._keys_path.stem, f"no room for {slots} series: {error.strerror}")
            return False
        return True

    def name(self, slot: int, labels: Labels) -> None:
        """Notes that a series has taken a slot."""
        self._append(_line(slot, orjson.dumps(labels)))

    def drop(self, slot: int) -> None:
        """Notes that a slot is free."""
        self._append(_line(slot, b"null"))

    def maintain(self, held: Iterable[tuple[int, Labels]]) -> None:
        """Tries again what could not be written, and writes the key file anew when most of it is history."""
        if self._unwritten:
            self._append(b"")
        if self._keys_size > max(REWRITE_ABOVE, 2 * self._rewritten_size):
            self._rewrite(b"".join(_line(slot, orjson.dumps(labels)) for slot, labels in held))

    def _allocate(self, slots: int) -> None:
        size = (_HEADER + slots * WORDS) * _WORD
        os.posix_fallocate(self._cells_file, 0, size)
        self.cells.release()
        self._words.release()
        if self._map is not None:
            self._map.close()
        self._map = mmap.mmap(self._cells_file, size)
        self._words = memoryview(self._map).cast("Q")
        self.cells = self._words[_HEADER:]

    def _read_keys(self) -> dict[int, bytes]:
        """The labels by slot, up to the first damaged line; what a killed process left half written is cut off."""
        held: dict[int, bytes] = {}
        content = self._keys_path.read_bytes()
        for line in content.splitlines(keepends=True):
            checksum, _, rest = line.removesuffix(b"\n").partition(b" ")
            if not line.endswith(b"\n") or checksum != _checksum(rest):
                _log.warning("%s: damaged after %d bytes, the rest is left out", self._keys_path, self._keys_size)
                os.ftruncate(self._keys_file, self._keys_size)
                break
            slot, _, labels = rest.partition(b" ")
            held[int(slot)] = labels
            self._keys_size += len(line)
        return {slot: labels for slot, labels in held.items() if labels != b"null"}

    def _append(self, line: bytes) -> None:
        text = b"".join([*self._unwritten, line])
        try:
            if os.write(self._keys_file, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._keys_file, self._keys_size)  # half a line would hide all that come after it
            if line:
                self._unwritten.append(line)
            self._state.trouble(self._keys_path.stem, f"{self._keys_path} cannot be written: {error.strerror}")
        else:
            self._keys_size += len(text)
            if self._unwritten:
                self._unwritten.clear()
                self._state.fine(self._keys_path.stem)

    def _rewrite(self, text: bytes) -> None:
        fresh = self._keys_path.with_suffix(".new")
        try:
            fresh.write_bytes(text)
            file = os.open(fresh, os.O_RDWR | os.O_APPEND)
            fresh.replace(self._keys_path)
        except OSError as error:
            _log.warning("%s cannot be written anew: %s", self._keys_path, error.strerror)
            return
        os.close(self._keys_file)
        self._keys_file = file
        self._keys_size = self._rewritten_size = len(text)


def _line(slot: int, labels: bytes) -> bytes:
    content = b"%d %b" % (slot, labels)
    return b"%b %b\n" % (_checksum(content), content)


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


class State:
    """A state directory in use; without one, or with one that cannot be used, everything is in memory."""

    def __init__(self, directory: Path | None, families: Iterable[str]) -> None:
        self._troubled: set[str] = set()
        self._folder: Path | None = None
        self._ledgers: dict[str, Ledger] = {family: MemoryLedger() for family in families}
        if directory is not None:
            self._open(directory)

    @property
    def healthy(self) -> bool:
        """False while something that should be kept is not."""
        return not self._troubled

    def ledger(self, family: str) -> Ledger:
        """Where this family keeps its numbers and names."""
        return self._ledgers[family]

    def read_scrapers(self) -> object:
        """What `write_scrapers` was last given; None if there is nothing or it cannot be read."""
        try:
            return orjson.loads((self._folder / "scrapers.json").read_bytes()) if self._folder else None
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError) as error:
            _log.warning("scrapers.json is left out: %s", error)
            return None

    def write_scrapers(self, content: object) -> None:
        """Keeps what the scrapers have seen."""
        if self._folder is None:
            return
        fresh = self._folder / "scrapers.new"
        try:
            fresh.write_bytes(orjson.dumps(content))
            fresh.replace(self._folder / "scrapers.json")
        except OSError as error:
            self.trouble("scrapers", f"{fresh} cannot be written: {error.strerror}")
        else:
            self.fine("scrapers")

    def trouble(self, part: str, message: str) -> None:
        """Notes, and says once, that a part of the state is not kept."""
        if part not in self._troubled:
            self._troubled.add(part)
            _log.error("state: %s; counting goes on in memory", message)

    def fine(self, part: str) -> None:
        """Notes that a part of the state is kept again."""
        if part in self._troubled:
            self._troubled.remove(part)
            _log.info("state: %s is kept again", part)

    def _open(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock(directory)
            self._folder = self._open_folder(directory / VERSION)
        except OSError as error:
            self._ledgers = {family: MemoryLedger() for family in self._ledgers}
            self.trouble("directory", f"series.state_dir {directory} cannot be used: {error.strerror or error}")
            return
        others = sorted(other.name for other in directory.glob("v*") if other.name != VERSION)
        if others:
            _log.warning(
                "state: %s holds what another version left (%s); it is left alone", directory, ", ".join(others)
            )

    def _lock(self, directory: Path) -> None:
        """Keeps a second process out for as long as this one lives."""
        self._lock_file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "another threatboard uses it; give each its own") from None

    def _open_folder(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        try:
            self._ledgers = {family: FileLedger(self, folder, family) for family in self._ledgers}
        except ForeignStateError as error:
            aside = folder.with_name(f"{VERSION}.set-aside-{int(time.time())}")
            _log.error("state: %s; %s is set aside as %s and counting begins anew", error, folder, aside.name)
            folder.rename(aside)
            return self._open_folder(folder)
        return folder
