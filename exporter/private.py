"""Files of ours that nobody else may read, and that no link or device can stand for."""

import contextlib
import os
import stat
from pathlib import Path


class ForeignStateError(Exception):
    """A file of ours is not what it should be."""


def open_regular(path: Path, flags: int) -> int:
    """Opens a file of ours, never through a link; raises OSError, or ForeignStateError where it is no regular file.

    To open a FIFO would wait for somebody at its other end, and to open a device may do anything.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    else:
        if not stat.S_ISREG(mode):
            raise ForeignStateError(f"{path.name} is not a regular file")
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):  # it was put there just now
        os.close(file)
        raise ForeignStateError(f"{path.name} is not a regular file")
    return file


def make_private(path: Path) -> None:
    """Lets nobody else read a file of ours; what is not ours to change stays as it is."""
    with contextlib.suppress(OSError, ForeignStateError):
        file = open_regular(path, os.O_RDONLY)
        try:
            os.fchmod(file, 0o600)
        finally:
            os.close(file)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that nobody else may read, whatever the umask and whatever was there; raises OSError."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


def replace_private(path: Path, content: bytes, flags: int) -> int:
    """Puts a private file in the place of another, at once, and opens it with `flags`; raises OSError."""
    fresh = path.with_name(path.name + ".new")
    try:
        write_private(fresh, content)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return os.open(path, flags)


def is_in_place(file: int, path: Path, size: int) -> bool:
    """Whether an open file is still the one at its path, and not shorter than it was left."""
    try:
        there = path.lstat()
    except OSError:
        return False
    mine = os.fstat(file)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino) and mine.st_size >= size
