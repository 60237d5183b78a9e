"""Pages that are being sent: few at a time, and the one whose reader has stood still for longest goes first."""

from typing import Protocol

from exporter.server.budget import Turns

MAX_STREAMS = 64
"""Pages under way on one listener."""


class Sender(Protocol):
    """A connection that sends a page."""

    def cut(self) -> None:
        """Ends it, because its reader does not read, and counts it."""


class Streams:
    """The pages under way on one listener."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._moving: set[Sender] = set()
        self._standing: dict[Sender, None] = {}

    def begin(self, sender: Sender) -> bool:
        """Takes one in, in the place of one that stands still if need be; False if there is no place."""
        if len(self._moving) + len(self._standing) >= MAX_STREAMS:
            if not self._standing:
                return False
            next(iter(self._standing)).cut()
        self._start(sender)
        return True

    def stand_still(self, sender: Sender) -> None:
        if sender in self._moving:
            self._stop(sender)
            self._standing[sender] = None

    def move(self, sender: Sender) -> None:
        if sender in self._standing:
            del self._standing[sender]
            self._start(sender)

    def end(self, sender: Sender) -> None:
        if sender in self._moving:
            self._stop(sender)
        self._standing.pop(sender, None)

    def _start(self, sender: Sender) -> None:
        self._moving.add(sender)
        self._turns.long_answers += 1

    def _stop(self, sender: Sender) -> None:
        self._moving.remove(sender)
        self._turns.long_answers -= 1
