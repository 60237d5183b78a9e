"""What all connections together may hold and do: bytes under way, and turns of work."""

import asyncio
from collections import deque
from typing import Protocol

FREE = 4 * 1024
"""Bytes that any connection may hold whatever the others do: an ordinary alert gets in during any flood."""


class Holder(Protocol):
    """A connection that waits for room, or for its turn."""

    def go_on(self) -> None: ...


class Inflight:
    """Bytes of requests that have been read and not been answered yet, over all connections, up to `limit`.

    Past the limit a connection that holds more than `FREE` is not read until there is room, the one that has waited for
    longest first.
    """

    def __init__(self, limit: int, turns: "Turns") -> None:
        self.limit = limit
        self._turns = turns
        self.used = 0
        self._waiting: dict[Holder, None] = {}

    @property
    def full(self) -> bool:
        return self.used >= self.limit

    def change(self, before: int, after: int) -> None:
        """Notes that a connection holds `after` bytes where it held `before`."""
        self.used += after - before
        if self._waiting and not self.full:
            # One only: when it takes its turn, what it holds is noted, and then it is the next one's turn.
            holder = next(iter(self._waiting))
            del self._waiting[holder]
            self._turns.add(holder)

    def wait(self, holder: Holder) -> None:
        """Gives the connection a turn once there is room."""
        self._waiting[holder] = None

    def waits(self, holder: Holder) -> bool:
        return holder in self._waiting

    def leave(self, holder: Holder) -> None:
        """Forgets a connection that is gone."""
        self._waiting.pop(holder, None)


class Turns:
    """Gives one connection a turn in each round of the event loop, so that fresh input is seen in between."""

    def __init__(self) -> None:
        self._queue: deque[Holder] = deque()
        self.long_answers = 0
        """Answers under way that are made bit by bit, one bit in each round too."""

    @property
    def busy(self) -> bool:
        """Whether what is put off to the next round has to wait for others there."""
        return bool(self._queue or self.long_answers)

    def add(self, holder: Holder) -> None:
        """Has `go_on` called when it is this connection's turn."""
        self._queue.append(holder)
        if len(self._queue) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        holder = self._queue[0]
        try:
            holder.go_on()
        finally:
            self._queue.popleft()
            if self._queue:
                asyncio.get_running_loop().call_soon(self._next)
