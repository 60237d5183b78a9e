"""What happens in a folder, as the kernel tells it: files that came and went, however short they were there."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CREATED, REMOVED = 0x100, 0x200
_HEAD = struct.Struct("iIII")


class Folder:
    """A folder that is watched."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def happened(self) -> list[tuple[str, str]]:
        """`created` or `removed`, and the name, in the order in which it happened."""
        try:
            data = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return []
        found = []
        while data:
            _, mask, _, length = _HEAD.unpack_from(data)
            name = data[_HEAD.size : _HEAD.size + length].rstrip(b"\0").decode()
            found.append(("created" if mask & CREATED else "removed", name))
            data = data[_HEAD.size + length :]
        return found


@contextmanager
def watched(path: Path) -> Iterator[Folder]:
    """Watches a folder until the end of the `with`."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert descriptor >= 0
    try:
        assert libc.inotify_add_watch(descriptor, os.fsencode(path), CREATED | REMOVED) >= 0
        yield Folder(descriptor)
    finally:
        os.close(descriptor)
