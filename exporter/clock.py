"""The one way to ask for the time, so that tests can hold the clock. The `time` module itself is a `Clock`."""

from typing import Protocol


class Clock(Protocol):
    """Wall clock (Unix seconds) and a clock that only moves forward (seconds)."""

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
