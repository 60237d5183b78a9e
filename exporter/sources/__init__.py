"""Sources: one module a kind of sender, each with one function that turns bytes into typed events.

Past `parse` nobody handles a dict: whatever came from the network is either an event or a `Rejected`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Line = dict[str, object]
"""What people read of an event: key -> text, or a Unix time under `time`; what is not known is empty or None."""


class Counters(Protocol):
    """Where an event says which families it moves, with label values in the catalog's order."""

    def add(self, metric: str, labels: tuple[str, ...], /) -> None:
        """One more."""

    def set(self, metric: str, labels: tuple[str, ...], value: int, /) -> None:
        """This value, which the sender keeps."""

    def set_now(self, metric: str, labels: tuple[str, ...], /) -> None:
        """The time of receipt."""

    def observe(self, metric: str, labels: tuple[str, ...], value: float, /) -> None:
        """One more of this size, of a histogram."""


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


class Kind:
    """What events have in common that differ in nothing that is counted or tuned: made once, from the first of them.

    `common` is what `describe` says first, and alike, of each of them. What is made of a kind by whoever takes the
    events is kept with it: `made`, None until then. `used`: one came since it was last looked at.
    """

    __slots__ = ("common", "hostname", "made", "used")

    def __init__(self, hostname: str, common: Line) -> None:
        self.hostname = hostname
        self.common = common
        self.made: object = None
        self.used = False


class Repeat:
    """An event of a kind that was seen before, read only as far as it may differ from the others.

    `time` is when it happened, as a Unix time; None if the sender did not say.
    """

    __slots__ = ("kind", "time")

    def __init__(self, kind: Kind, time: float | None) -> None:
        self.kind = kind
        self.time = time

    def rest(self) -> Line | None:
        """What `describe` says after what is common, without what is empty; None where only the whole event tells."""
        raise NotImplementedError

    def whole(self) -> Event:
        """The event as if it were the first of its kind."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Rejected:
    """One thing that could not be used: a reason from `catalog.REJECT_REASONS` and a sentence that helps the sender."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of sender: the control it speaks for, its parser, and what to do there about text in the place of JSON.

    `parse(body, max_events)` takes a decompressed HTTP body, never raises, and keeps the order. `small`: an event holds
    no more than a few KB, whatever was sent, so that some may be kept until their lines are made.
    """

    control: str
    parse: Callable[[bytes, int], Sequence[Event | Repeat | Rejected]]
    hint: str
    small: bool = False
