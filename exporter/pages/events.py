"""Recent events as JSON: `/api/v1/events?rule=&namespace=&since=`."""

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from exporter.clock import Clock
from exporter.config.kinds import DURATION
from exporter.events import Recent, Record
from exporter.server.http import Answer

FILTERS = {"rule": "rule", "namespace": "namespace", "control": "control"}
"""Parameter -> key of an event line that must be equal to it."""


class EventsView:
    """Answers a query for recent events, newest first."""

    def __init__(self, recent: Recent, clock: Clock = time) -> None:
        self._recent = recent
        self._clock = clock

    def __call__(self, query: Mapping[str, str]) -> Answer:
        unknown = sorted(set(query) - {*FILTERS, "since"})
        if unknown:
            known = ", ".join([*FILTERS, "since"])
            return Answer.refusal(400, "", f"unknown parameter {unknown[0]!r}; there are {known}")
        try:
            since = self._since(query["since"]) if query.get("since") else 0.0
        except (ValueError, OverflowError):
            sentence = (
                "since takes a duration such as 15m, an RFC 3339 time such as 2030-01-02T03:04:05Z, or a Unix time"
            )
            return Answer.refusal(400, "", sentence)
        wanted = {FILTERS[name]: value for name, value in query.items() if name in FILTERS and value}
        return Answer.json(200, {"events": [line for record in self._recent if (line := _line(record, since, wanted))]})

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


def _line(record: Record, since: float, wanted: Mapping[str, str]) -> dict[str, object] | None:
    if record.received < since:
        return None
    line = record.line()
    return line if all(line.get(key, "") == value for key, value in wanted.items()) else None
