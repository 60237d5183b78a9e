"""What was refused, in the log: who sent it, why, and what would help; at a bounded rate."""

import logging

from exporter.clock import Clock

_log = logging.getLogger("threatboard")

INTERVAL = 10.0
"""Seconds between two lines about the same reason; what comes meanwhile is only counted."""


class Refusals:
    """Logs refusals: the first of a reason at once, then one line in `INTERVAL` with the number of the others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def tell(self, reason: str, sentence: str, address: str) -> None:
        """Logs, or counts for the next line; `reason` is one of a closed set."""
        now = self._clock.monotonic()
        if now < self._next.get(reason, 0.0):
            self._untold[reason] = self._untold.get(reason, 0) + 1
            return
        self._next[reason] = now + INTERVAL
        others = self._untold.pop(reason, 0)
        more = f" (and {others} more since the last such line)" if others else ""
        _log.warning("refused (%s) from %s: %s%s", reason, address or "an unknown address", sentence, more)
