"""From accepted events to lines on standard output and in memory, a little later and many at once.

To make a line among requests costs three times what it does in a row of others, so the sender's answer does not wait
for it. Lines are written by a thread of their own from a bounded buffer: a stuck pipe stops neither the taking of
events nor their counting; lines are dropped then, and counted.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from exporter.events import Recent, Record

_log = logging.getLogger("threatboard")

FLUSH_INTERVAL = 0.05
"""Seconds over which lines are gathered before the thread is woken: a wake-up costs more than an event."""

MAX_UNMADE = 256
"""Events that may wait for their lines to be made, which takes about 2 ms."""

MAX_WAITING = 16 << 20
"""Bytes of lines that may wait to be written."""


class EventLines:
    """Keeps a line of each event, and has it written where there is a writer."""

    def __init__(self, recent: Recent, writer: "LineWriter | None") -> None:
        self._recent = recent
        self._writer = writer
        self._unmade: list[tuple[float, Callable[[], bytes]]] = []
        self._is_due = False
        recent.settle = self.settle

    def add(self, received: float, text: bytes) -> None:
        """Takes the line of an event that came now."""
        if self._unmade:  # in their order
            self.settle()
        self._keep(received, text)

    def add_later(self, received: float, make: Callable[[], bytes]) -> None:
        """Takes an event that came now, and that may be kept until its line is made."""
        self._unmade.append((received, make))
        if self._writer is not None and not self._is_due:
            self._expect_flush(self._writer)
        if len(self._unmade) >= MAX_UNMADE:
            self.settle()

    def settle(self) -> None:
        """Makes the lines that are not made yet."""
        unmade, self._unmade = self._unmade, []
        for received, make in unmade:
            try:
                text = make()
            except Exception:  # noqa: BLE001  # one event takes no others along
                _log.exception("the line of an event could not be made")
            else:
                self._keep(received, text)

    def flush(self) -> None:
        """Has everything written that was taken so far."""
        self._is_due = False
        self.settle()
        if self._writer is not None:
            self._writer.flush()

    async def close(self, patience: float) -> None:
        """Writes what is waiting, for at most this many seconds."""
        self.flush()
        if self._writer is not None:
            await self._writer.close(patience)

    def _keep(self, received: float, text: bytes) -> None:
        self._recent.add(Record(received, text))
        if self._writer is not None:
            self._writer.add(text)
            if not self._is_due:
                self._expect_flush(self._writer)

    def _expect_flush(self, writer: "LineWriter") -> None:
        self._is_due = True
        writer.soon(self.flush)


class LineWriter:
    """Writes lines to a file descriptor, from a thread; tells `dropped(n)` of lines that were not written."""

    def __init__(self, descriptor: int, dropped: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._dropped = dropped
        self._gathered: list[bytes] = []
        self._batches: SimpleQueue[list[bytes] | None] = SimpleQueue()
        # Each of the two numbers has one writer, the loop and the thread: no lock is needed.
        self._taken = 0
        self._written = 0
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write_all, name="event-lines", daemon=True)
        self._thread.start()

    def add(self, text: bytes) -> None:
        """Takes a line to be written at the next flush; never waits."""
        if self._taken - self._written + len(text) > MAX_WAITING:
            self._dropped(1)
            return
        self._taken += len(text)
        self._gathered.append(text)

    def soon(self, flush: Callable[[], None]) -> None:
        """Has this called once lines have been gathered for a while."""
        self._loop.call_later(FLUSH_INTERVAL, flush)

    def flush(self) -> None:
        """Hands over to the thread what was taken."""
        if self._gathered:
            self._batches.put(self._gathered)
            self._gathered = []

    async def close(self, patience: float) -> None:
        """Writes what was handed over, for at most this many seconds."""
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join, patience)

    def _write_all(self) -> None:
        while (batch := self._batches.get()) is not None:
            rest = memoryview(b"\n".join([*batch, b""]))
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:  # nobody reads any more
                self._dropped(len(batch))
            self._written += sum(map(len, batch))
