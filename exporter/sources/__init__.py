"""Sources: one module a kind of sender, each with one function that turns bytes into typed events.

Past `parse` nobody handles a dict: whatever came from the network is either an event or a `Rejected`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Rejected:
    """One thing that could not be used: a reason from `catalog.REJECT_REASONS` and a sentence that helps the sender."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Source(Generic[Event]):
    """A kind of sender: the control it speaks for and its parser.

    `parse(body, max_events)` takes a decompressed HTTP body and never raises.
    """

    control: str
    parse: Callable[[bytes, int], "Sequence[Event | Rejected]"]
