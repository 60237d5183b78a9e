"""Sources: one module a kind of sender, each with one function that turns bytes into typed events.

Past `parse` nobody handles a dict: whatever came from the network is either an event or a `Rejected`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Line = dict[str, object]
"""What people read of an event: key -> text, or a Unix time under `time`; what is not known is empty or None."""


class Counters(Protocol):
    """Where an event says which stored families it moves, with label values in the catalog's order."""

    def add(self, metric: str, labels: tuple[str, ...], /) -> None:
        """One more."""

    def set(self, metric: str, labels: tuple[str, ...], value: int, /) -> None:
        """This value, which the sender keeps."""

    def set_now(self, metric: str, labels: tuple[str, ...], /) -> None:
        """The time of receipt."""


class Event(Protocol):
    """What every event from every source can do."""

    @property
    def hostname(self) -> str:
        """The node that it came from, as the sender named itself."""

    @property
    def time(self) -> float | None:
        """When it happened, as a Unix time; None if the sender did not say."""

    def tally(self, counters: Counters, /) -> None:
        """Moves the series of this event."""

    def describe(self) -> Line:
        """Who did what, when and where."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One thing that could not be used: a reason from `catalog.REJECT_REASONS` and a sentence that helps the sender."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of sender: the control it speaks for and its parser.

    `parse(body, max_events)` takes a decompressed HTTP body, never raises, and keeps the order.
    """

    control: str
    parse: Callable[[bytes, int], Sequence[Event | Rejected]]
