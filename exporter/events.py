"""Events for people: one JSON line each, the recent ones in memory."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

import orjson

from exporter.sources import Event, Line, Repeat

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
        self.settle: Callable[[], None] = lambda: None
        """Called before the events are read: whoever adds them may be behind."""

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
        self.settle()
        return iter(self._records)

    def numbered(self, before: int | None = None) -> Iterator[tuple[int, Record]]:
        """The events below `before`, each with a number that never changes and falls from one to the next."""
        self.settle()
        skipped = 0 if before is None else max(0, self._added - before + 1)
        numbers = range(self._added - skipped, 0, -1)
        return zip(numbers, islice(self._records, skipped, None), strict=False)  # the oldest are not kept
