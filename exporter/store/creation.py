"""When series were created, as stamps that always rise."""

from exporter.clock import Clock

LONG_AGO = 1
"""The stamp of a series of which nobody knows when it was created: it counts as seen by everybody."""

FARTHEST_AHEAD = 100 * 365 * 86400.0
"""Seconds that a kept stamp may be ahead of the clock. Not less: some machines begin in 1970."""


class CreationClock:
    """Hands out creation stamps: microseconds of Unix time as of the start, each above the one before.

    From there it is the steady clock that counts: were the wall clock to step back, series long shown would be young
    again and read 0.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.time() - clock.monotonic()
        self._farthest = int((max(0.0, clock.time()) + FARTHEST_AHEAD) * 1e6)
        self.latest = 0

    def stamp(self) -> int:
        """A stamp for a series that is created now."""
        self.latest = max(self.latest + 1, self.at(0.0))
        return self.latest

    def at(self, seconds_ago: float) -> int:
        """The stamp that a series created this long ago would have."""
        return int((self._start + self._clock.monotonic() - seconds_ago) * 1e6)

    def resume(self, stamp: int) -> int:
        """Goes on after a stamp of an earlier process, whose clock may have been ahead; the stamp to use for it.

        One that no clock has given would make all that follow it overflow.
        """
        if stamp > self._farthest:
            return LONG_AGO
        self.latest = max(self.latest, stamp)
        self._start = max(self._start, stamp / 1e6 - self._clock.monotonic())
        return stamp
