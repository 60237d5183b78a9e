"""How many bytes the text and the keys of all series may take together."""

from dataclasses import dataclass
from sys import getsizeof

OVERHEAD = 250
"""What a series takes beside its text: its places in tables and lists."""


@dataclass(slots=True)
class Room:
    """Bytes that may be held, and are. `short` is set when somebody has found no room."""

    limit: int
    used: int = 0
    short: bool = False

    def has(self, size: int) -> bool:
        """Whether so many more bytes have room; notes if not."""
        if self.used + size <= self.limit:
            return True
        self.short = True
        return False


def size_of(labels: tuple[str, ...], line: bytes) -> int:
    """The bytes that a series takes, nothing of it shared: text that is not ASCII is held twice when it was written."""
    texts = sum(getsizeof(value) if value.isascii() else getsizeof(value) + len(value.encode()) for value in labels)
    return OVERHEAD + getsizeof(labels) + getsizeof(line) + texts
