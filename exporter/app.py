"""Wiring: which paths take which source's events, and how the parts start, change and stop."""

import asyncio
import logging
import signal
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter import catalog
from exporter.config import Config
from exporter.events import LineWriter, Recent
from exporter.intake import Intake
from exporter.listener import Listener
from exporter.metrics import Metrics
from exporter.pages import Pages, View
from exporter.pipeline import Pipeline, Route, Tune
from exporter.protocol import BoundedProtocol, DirectProtocol, Limits
from exporter.reload import Reloader
from exporter.ruling import FalcoRuling
from exporter.scrapers import Scrapers
from exporter.sources import Source
from exporter.sources.falco import FALCO
from exporter.status import StatusPage
from exporter.tls import Tls
from exporter.views import EventsView

_log = logging.getLogger("threatboard")

SOURCES: tuple[tuple[str, Source, Callable[[Config], Tune]], ...] = (
    ("/falco", FALCO, lambda config: FalcoRuling(config.falco)),
    ("/", FALCO, lambda config: FalcoRuling(config.falco)),  # where a falcosidekick URL points
)
"""Path, the source that parses what is posted there, and what tunes its events under a configuration."""

EXPIRY_INTERVAL = 30.0
"""Seconds between two looks for series that have been idle for too long."""

LAST_LINES = 2.0
"""Seconds that the last event lines may take when the program ends."""


class Receiver:
    """`threatboard receive`: takes events, serves metrics."""

    def __init__(self, path: Path | None) -> None:
        """Reads the configuration and takes both ports; raises ConfigError or ListenError."""
        self.metrics = Metrics()
        self._reloader = Reloader(path, self._use, self.metrics.reloaded)
        config = self._reloader.start()
        self._scrapers = Scrapers(self.metrics.store.births, time)
        self._recent = Recent()
        self._limits = Limits()
        self._lines = LineWriter(sys.stdout.fileno(), self.metrics.lines_dropped) if config.events.log else None
        self._intake = Intake(Pipeline(self.metrics, self._recent, self._lines, time), self.metrics)
        views: dict[str, View] = {
            "/": StatusPage(self.metrics, self._recent, time),
            "/api/v1/events": EventsView(self._recent, time),
        }
        self._pages = Pages(self.metrics, self._scrapers, lambda: self._ready, views)
        self._ready = False
        self._intake_tls, self._show_tls = _tls(config.intake.tls.context), _tls(config.metrics.tls.context)
        self.intake = Listener("intake.listen", config.intake.listen, self._intake_tls)
        self.show = Listener("metrics.listen", config.metrics.listen, self._show_tls)
        self._use(config)

    def _use(self, config: Config) -> None:
        """Takes into use what can change while running."""
        self.metrics.expect({key: getattr(config.controls, key) for key in catalog.COMPONENTS})
        self.metrics.store.resize(config.series.limit)
        self._scrapers.settle, self._scrapers.zero_hold = config.series.settle, config.series.zero_hold
        self._idle_expiry = config.series.idle_expiry
        self._recent.resize(config.events.keep)
        self._limits.head_timeout = config.intake.head_timeout
        self._limits.body_timeout = config.intake.body_timeout
        self._limits.max_body = config.intake.max_body
        self._limits.max_connections = config.intake.max_connections
        self._intake.max_body = config.intake.max_body
        self._intake.max_events = config.intake.max_events
        self._intake.token = config.intake.auth.token
        self._intake.routes = {path.encode(): Route(source, tune(config)) for path, source, tune in SOURCES}
        self._pages.token = config.metrics.auth.token
        self._pages.protect_metrics = config.metrics.protect_metrics
        for tls, context in (
            (self._intake_tls, config.intake.tls.context),
            (self._show_tls, config.metrics.tls.context),
        ):
            if tls is not None and context is not None:
                tls.use(context)

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await self.show.start(self._show_protocol, self._pages, self._limits.head_timeout)
        await self.intake.start(self._intake_protocol, self._pages, self._limits.head_timeout)
        self._ready = True
        _log.info("events are taken on port %d, metrics are shown on port %d", self.intake.port, self.show.port)
        chores = [asyncio.create_task(self._reloader.run()), asyncio.create_task(self._expire())]
        await stop.wait()
        self._ready = False
        for chore in chores:
            chore.cancel()
        await self.intake.stop()
        await self.show.stop()
        if self._lines is not None:
            await self._lines.close(LAST_LINES)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_INTERVAL)
            self.metrics.store.expire(self._idle_expiry)

    def _show_protocol(self, *args: Any) -> BoundedProtocol:
        return BoundedProtocol(*args, limits=self._limits, refused=self._intake.refused)

    def _intake_protocol(self, *args: Any) -> BoundedProtocol:
        return DirectProtocol(
            *args,
            limits=self._limits,
            refused=self._intake.refused,
            screen=self._intake.screen,
            take=self._intake.take,
        )


def _tls(context: ssl.SSLContext | None) -> Tls | None:
    return Tls(context) if context is not None else None
