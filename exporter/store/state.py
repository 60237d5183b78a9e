"""The counter store's files: what was answered 204 is there after `kill -9` and a restart.

A state directory holds a folder for each version of the format (`v1`; another version's is left alone), and in it, for
each family of the store,

- `FAMILY.cells`: after a header of 4096 bytes that begins with a magic number, three unsigned 64-bit words in the
  machine's order for each slot: the value, the creation stamp, and the checksum of the line that names the slot, 0
  where none does. Each change is written in place before the sender has its answer, and so in the kernel's hands. The
  file is allocated, in steps: a hole in it could not be filled on a full disk;
- `FAMILY.keys`: a line `CRC labels NAMES` with the family's label names, a line `CRC SLOT LABELS` for a series that
  takes a slot, `CRC SLOT null` for one that leaves it (CRC-32 of the rest in hexadecimal; NAMES and LABELS are JSON
  arrays). The last line of a slot counts, and only if its checksum is the slot's: whatever is lost of either file, no
  value is ever read under another's labels;

and `scrapers.json`, what the scrapers have seen. Nothing is synced to the disk: this is for a process that dies, not
for a machine that loses power.
"""

import errno
import fcntl
import logging
import os
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from exporter.private import ForeignStateError, make_private, open_regular, replace_private
from exporter.store.health import Health
from exporter.store.ledger import FileLedger, Labels, Ledger, NoLedger

_log = logging.getLogger("threatboard")

VERSION = "v1"

_OURS = ("*.cells", "*.keys", "scrapers.json", "*.new")

_MAX_SCRAPERS = 1 << 20
"""Bytes of `scrapers.json`, a hundred times what it ever holds."""


class State:
    """A state directory in use; without one, or with one that cannot be used, everything is in memory.

    `families` are the names of the stored metrics and of their labels.
    """

    def __init__(self, directory: Path | None, families: Mapping[str, Labels]) -> None:
        self._health = Health()
        self._folder: Path | None = None
        self._lost_notes = False
        self._ledgers: dict[str, Ledger] = {family: NoLedger() for family in families}
        if directory is not None:
            self._open(directory, families)

    @property
    def healthy(self) -> bool:
        """False while something that should be kept is not."""
        return self._health.good

    def ledger(self, family: str) -> Ledger:
        """Where this family keeps its numbers and names."""
        return self._ledgers[family]

    def read_scrapers(self) -> object:
        """What `write_scrapers` was last given; None if that never was, False if it cannot be read."""
        if self._folder is None:
            return None
        path = self._folder / "scrapers.json"
        try:
            with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
                return orjson.loads(file.read(_MAX_SCRAPERS))
        except FileNotFoundError:
            return False if self._lost_notes else None
        except (OSError, ForeignStateError, orjson.JSONDecodeError) as error:
            _log.warning("state: scrapers.json cannot be read: %s", error)
            return False

    def write_scrapers(self, content: object) -> None:
        """Keeps what the scrapers have seen."""
        if self._folder is None:
            return
        path = self._folder / "scrapers.json"
        try:
            os.close(replace_private(path, orjson.dumps(content), os.O_RDONLY))
        except OSError as error:
            self._health.trouble(path.name, f"{path} cannot be written: {error.strerror}")
        else:
            self._health.fine(path.name)

    def _open(self, directory: Path, families: Mapping[str, Labels]) -> None:
        folder = directory / VERSION
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock(directory)
            folder.mkdir(mode=0o700, exist_ok=True)
            _close_to_others(folder)
            self._make_way(folder)
            self._ledgers = {family: self._open_family(folder, family, labels) for family, labels in families.items()}
        except (OSError, ForeignStateError) as error:
            self._ledgers = {family: NoLedger() for family in families}
            reason = getattr(error, "strerror", None) or error
            self._health.trouble("directory", f"series.state_dir {directory} cannot be used: {reason}")
            return
        self._folder = folder
        others = sorted(other.name for other in directory.glob("v*") if other.name != VERSION)
        if others:
            _log.warning(
                "state: %s holds what another version left (%s); it is left alone", directory, ", ".join(others)
            )

    def _make_way(self, folder: Path) -> None:
        """Sets aside what no file can be put in the place of."""
        for name in ("*.new", "scrapers.json"):
            for path in folder.glob(name):
                if stat.S_ISDIR(path.lstat().st_mode):
                    _log.error("state: %s is no file; it is set aside (*%s)", path.name, _set_aside([path]))
                    self._lost_notes |= path.name == name

    def _lock(self, directory: Path) -> None:
        """Keeps a second process out for as long as this one lives."""
        self._lock_file = open_regular(directory / "lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "another threatboard uses it; give each its own") from None

    def _open_family(self, folder: Path, family: str, labels: Labels) -> FileLedger:
        try:
            return FileLedger(self._health, folder, family, labels)
        except ForeignStateError as error:
            suffix = _set_aside([folder / f"{family}.cells", folder / f"{family}.keys"])
            _log.error("state: %s; the family's files are set aside (*%s) and begin anew", error, suffix)
            return FileLedger(self._health, folder, family, labels)


def _close_to_others(folder: Path) -> None:
    """Makes the folder and what is ours in it private: an older version left some readable. Nothing behind a link."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(file, 0o700)
    finally:
        os.close(file)
    for pattern in _OURS:
        for path in folder.glob(pattern):
            make_private(path)


def _set_aside(files: Iterable[Path]) -> str:
    """Gives files that are not ours another name, of which it returns the ending; raises OSError."""
    suffix = f".set-aside-{time.time_ns()}"
    for file in files:
        if os.path.lexists(file):  # a link may lead nowhere
            file.rename(file.with_name(file.name + suffix))
    return suffix
