"""Recent events as JSON, a page at a time: `/api/v1/events?rule=&namespace=&since=&before=`."""

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from exporter.clock import Clock
from exporter.config.kinds import DURATION
from exporter.events import Recent, Record
from exporter.server.http import Answer

FILTERS = {"rule": "rule", "namespace": "namespace", "control": "control"}
"""Parameter -> key of an event line that must be equal to it."""


_DIGITS = 18

PAGE_EVENTS = 500
"""Events that are looked at for one page."""

PAGE_BYTES = 256 * 1024
"""Bytes of lines that are looked at for one page: meanwhile no event is taken."""


class EventsView:
    """Answers a query for recent events, newest first.

    `next` in the answer is the `before` that gives the page after it, null on the last one. A page of a query that
    narrows may hold few events, or none, and still have a next one.
    """

    def __init__(self, recent: Recent, clock: Clock = time) -> None:
        self._recent = recent
        self._clock = clock

    def __call__(self, query: Mapping[str, str]) -> Answer:
        parameters = [*FILTERS, "since", "before"]
        unknown = sorted(set(query) - set(parameters))
        if unknown:
            return Answer.refusal(400, "", f"unknown parameter {unknown[0]!r}; there are {', '.join(parameters)}")
        try:
            since = self._since(query["since"]) if query.get("since") else 0.0
        except (ValueError, OverflowError):
            sentence = (
                "since takes a duration such as 15m, an RFC 3339 time such as 2030-01-02T03:04:05Z, or a Unix time"
            )
            return Answer.refusal(400, "", sentence)
        before = query.get("before", "")
        if before and not (before.isascii() and before.isdigit() and len(before) <= _DIGITS):
            return Answer.refusal(400, "", "before takes the number that an answer gave as next")
        wanted = {FILTERS[name]: value for name, value in query.items() if name in FILTERS and value}
        return Answer.json(200, self._page(wanted, since, int(before) if before else None))

    def _page(self, wanted: Mapping[str, str], since: float, before: int | None) -> dict[str, object]:
        found: list[orjson.Fragment] = []
        size = 0
        for count, (number, record) in enumerate(self._recent.numbered(before)):
            size += len(record.text)
            if count == PAGE_EVENTS or (count and size > PAGE_BYTES):
                return {"events": found, "next": number + 1}
            if record.received >= since and _fits(record, wanted):
                found.append(orjson.Fragment(record.text))
        return {"events": found, "next": None}

    def _since(self, text: str) -> float:
        if text[-1] in "smhd":
            return self._clock.time() - float(DURATION.parse(text))
        try:
            unix = float(text)
        except ValueError:
            # A `+` that the sender did not encode arrives as a blank.
            moment = datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if not math.isfinite(unix):
            raise ValueError(text)
        return unix


def _fits(record: Record, wanted: Mapping[str, str]) -> bool:
    line = record.line() if wanted else {}
    return all(line.get(key, "") == value for key, value in wanted.items())
