"""Where the text of many series is cut so that no slice of a page is large, whatever the labels are."""

from bisect import bisect_right
from collections.abc import Sequence

SLICE = 512
"""Most series of a slice; between slices the event loop takes events."""

SLICE_BYTES = 32 * 1024
"""Most bytes of a slice but for a longer line: a reader that stands still holds some."""

_NUMBER = len(str(2**64 - 1)) - len("%d")
"""What a template may grow by when the number is put in."""


class Slices:
    """The ends of the slices, kept block by block until a line in it changes: lines change rarely between two pages."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines
        self._ends: list[tuple[int, ...]] = []

    def extend(self) -> None:
        """One more block of `SLICE` slots."""
        self._ends.append(())

    def changed(self, slot: int) -> None:
        """The line here is another now."""
        self._ends[slot // SLICE] = ()

    def end(self, begin: int) -> int:
        """Where the slice ends that begins here; right also where lines have changed since the last one."""
        ends = self._ends[begin // SLICE] or self._cut(begin // SLICE)
        return ends[bisect_right(ends, begin)]

    def _cut(self, number: int) -> tuple[int, ...]:
        ends: list[int] = []
        size = 0
        first = number * SLICE
        for slot, line in enumerate(self._lines[first : first + SLICE], first):
            size += len(line) + _NUMBER
            if size > SLICE_BYTES and slot > first:
                ends.append(slot)
                size = len(line) + _NUMBER
        self._ends[number] = (*ends, min(first + SLICE, len(self._lines)))
        return self._ends[number]
