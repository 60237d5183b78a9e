"""What every accepted event moves beside its series, in plain numbers: it is on every event's way."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from exporter.catalog import CLOCK_TOLERANCE, DELAY_BUCKETS


class Receipts:
    """The events of one control: how many there were, how many of them came from the future, and how late they came."""

    __slots__ = ("_delays", "accepted", "delay_sum", "skewed")

    def __init__(self) -> None:
        self.accepted = 0
        self.skewed = 0
        self.delay_sum = 0.0
        """Seconds, of all events that say when they happened."""
        self._delays = [0] * (len(DELAY_BUCKETS) + 1)

    def add(self, delay: float | None) -> None:
        """One more event, which came this many seconds after it happened; None if it does not say when that was."""
        self.accepted += 1
        if delay is None:
            return
        if delay < 0:
            self.skewed += delay < -CLOCK_TOLERANCE
            delay = 0.0
        self.delay_sum += delay
        self._delays[bisect_left(DELAY_BUCKETS, delay)] += 1

    def delays(self) -> Iterator[tuple[float, int]]:
        """Upper bound in seconds -> how many events were no later, as Prometheus counts the buckets of a histogram."""
        return zip((*DELAY_BUCKETS, float("inf")), accumulate(self._delays), strict=True)
