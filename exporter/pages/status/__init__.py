"""The status page at `/`: what a person wants to know of this replica before they trust a board."""

import socket
import time
from collections.abc import Mapping

from exporter import __version__
from exporter.clock import Clock
from exporter.events import Recent
from exporter.metrics import Metrics
from exporter.pages.events import FILTERS
from exporter.pages.status.facts import look
from exporter.pages.status.markup import page
from exporter.pages.status.sections import body
from exporter.pages.status.style import STYLE
from exporter.server.http import Answer


class StatusPage:
    """Answers a request for the status page; parameters narrow the events to a rule, a namespace or a control."""

    def __init__(self, metrics: Metrics, recent: Recent, clock: Clock = time) -> None:
        self._metrics = metrics
        self._recent = recent
        self._clock = clock
        self._started = clock.monotonic()
        self._replica = socket.gethostname()

    def __call__(self, query: Mapping[str, str]) -> Answer:
        unknown = sorted(set(query) - set(FILTERS))
        if unknown:
            return Answer.refusal(400, "", f"unknown parameter {unknown[0]!r}; there are {', '.join(FILTERS)}")
        wanted = {name: value for name, value in query.items() if value}
        status = look(self._metrics, self._recent, self._clock.time(), wanted)
        uptime = self._clock.monotonic() - self._started
        return page(f"threatboard on {self._replica}", STYLE, *body(status, self._replica, __version__, uptime))
