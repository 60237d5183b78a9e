"""Events for people: the recent ones in memory, and one JSON line each on standard output.

Lines are written by a thread of their own from a bounded buffer, so that a stuck pipe stops neither the taking of
events nor their counting: lines are dropped then, and counted.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from queue import SimpleQueue

import orjson

from exporter.sources import Event, Line, Repeat

FLUSH_INTERVAL = 0.05
"""Seconds over which lines are gathered before the thread is woken: a wake-up costs more than an event."""

MAX_WAITING = 16 << 20
"""Bytes of lines that may wait to be written."""

MAX_LINE = 16 << 10
"""A longer line has its texts cut to `SHORT` characters."""

SHORT = 128


def line(received: float, control: str, event: Event, tuned: Line) -> bytes:
    """One event as people read it, as JSON: only what is known, times in RFC 3339."""
    described = event.describe()
    if event.time is not None:
        described["time"] = rfc3339(event.time)
    known = {key: value for key, value in described.items() if value}
    text = orjson.dumps({"received": rfc3339(received), "control": control, **known, **tuned})
    if len(text) > MAX_LINE:
        shown = {key: _shortened(value) for key, value in (*known.items(), *tuned.items())}
        text = orjson.dumps({"received": rfc3339(received), "control": control, **shown})
    # orjson leaves what it returns in a buffer many times its size, and a line is kept.
    return bytes(memoryview(text))


class KindLine:
    """The lines of the events of one kind, of which much is the same: byte for byte what `line` gives.

    None is longer than `MAX_LINE`: what is common are labels, and the rest is bounded as a whole.

    `common` is what each of the events says first, `tuned` what tuning made of them.
    """

    __slots__ = ("_before", "_common", "_control", "_tuned")

    def __init__(self, control: str, common: Line, tuned: Line) -> None:
        known = {key: value for key, value in common.items() if value}
        self._control = control
        self._tuned = tuned
        self._before = _members({"control": control})
        self._common = _members(known)

    def of(self, received: float, event: Repeat) -> bytes:
        """The line of one of them."""
        rest = event.rest()
        if rest is not None:
            time = b"" if event.time is None else b',"time":"%b"' % rfc3339(event.time).encode()
            told = orjson.dumps(rest | self._tuned if self._tuned else rest)
            after = b"," + told[1:] if rest or self._tuned else b"}"
            return b'{"received":"%b"%b%b%b%b' % (rfc3339(received).encode(), self._before, time, self._common, after)
        return line(received, self._control, event.whole(), self._tuned)


def _members(known: Line) -> bytes:
    """The members of a JSON object, each after a comma."""
    return b"," + orjson.dumps(known)[1:-1] if known else b""


def _shortened(value: object) -> object:
    return value[: SHORT - 1] + "…" if isinstance(value, str) and len(value) > SHORT else value


@dataclass(frozen=True, slots=True)
class Record:
    """An accepted event, kept as its line: the event itself may be as large as a body."""

    received: float
    text: bytes

    def line(self) -> Line:
        """The line, read again."""
        read: Line = orjson.loads(self.text)
        return read


def rfc3339(timestamp: float) -> str:
    """A Unix time as RFC 3339 in UTC, to the millisecond."""
    try:
        second, thousandths = divmod(int(timestamp * 1000 + 0.0005), 1000)  # a float has no exact thousandths
        return _to_the_second(second) + _THOUSANDTHS[thousandths]
    except (ValueError, OverflowError):  # a sender's clock in the year 10000
        return str(timestamp)


_THOUSANDTHS = [f".{number:03}Z" for number in range(1000)]


@lru_cache(maxsize=256)  # events come by the hundred in a second
def _to_the_second(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Recent:
    """The newest events, newest first: so many, and no more bytes of lines than allowed."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self._added = self._bytes = 0
        self._keep = self._keep_bytes = 0

    def add(self, record: Record) -> None:
        self._records.appendleft(record)
        self._added += 1
        self._bytes += len(record.text)
        self._trim()

    def resize(self, keep: int, keep_bytes: int) -> None:
        """Keeps this many from now on, and this many bytes."""
        self._keep, self._keep_bytes = keep, keep_bytes
        self._trim()

    def _trim(self) -> None:
        while len(self._records) > self._keep or self._bytes > self._keep_bytes:
            self._bytes -= len(self._records.pop().text)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def numbered(self, before: int | None = None) -> Iterator[tuple[int, Record]]:
        """The events below `before`, each with a number that never changes and falls from one to the next."""
        skipped = 0 if before is None else max(0, self._added - before + 1)
        numbers = range(self._added - skipped, 0, -1)
        return zip(numbers, islice(self._records, skipped, None), strict=False)  # the oldest are not kept


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
        """Takes a line to be written soon; never waits."""
        if self._taken - self._written + len(text) > MAX_WAITING:
            self._dropped(1)
            return
        self._taken += len(text)
        if not self._gathered:
            self._loop.call_later(FLUSH_INTERVAL, self._flush)
        self._gathered.append(text)

    def _flush(self) -> None:
        if self._gathered:
            self._batches.put(self._gathered)
            self._gathered = []

    async def close(self, patience: float) -> None:
        """Writes what is waiting, for at most this many seconds."""
        self._flush()
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
