"""When series were created, as stamps that always rise."""

from exporter.clock import Clock


class CreationClock:
    """Hands out creation stamps: microseconds of Unix time as of the start, each above the one before.

    From there it is the steady clock that counts: were the wall clock to step back, series long shown would be young
    again and read 0.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.time() - clock.monotonic()
        self.latest = 0

    def stamp(self) -> int:
        """A stamp for a series that is created now."""
        self.latest = max(self.latest + 1, self.at(0.0))
        return self.latest

    def at(self, seconds_ago: float) -> int:
        """The stamp that a series created this long ago would have."""
        return int((self._start + self._clock.monotonic() - seconds_ago) * 1e6)

    def resume(self, stamp: int) -> None:
        """Goes on after a stamp of an earlier process, whose clock may have been ahead."""
        self.latest = max(self.latest, stamp)
        self._start = max(self._start, stamp / 1e6 - self._clock.monotonic())
