"""Wiring: which paths take which source's events, and how the parts start, change and stop."""

import asyncio
import logging
import resource
import signal
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter import catalog
from exporter.config import Config, load
from exporter.config.reload import Reloader
from exporter.events import LineWriter, Recent
from exporter.intake import Intake
from exporter.intake.pipeline import Pipeline, Route, Tune
from exporter.intake.protocol import DirectProtocol
from exporter.intake.ruling import FalcoRuling
from exporter.metrics import STORED, Metrics
from exporter.pages import Pages, View
from exporter.pages.events import EventsView
from exporter.pages.status import StatusPage
from exporter.server.listener import Listener
from exporter.server.protocol import BoundedProtocol, Limits
from exporter.server.tls import Tls
from exporter.sources import Source
from exporter.sources.falco import FALCO
from exporter.store.scrapers import Scrapers
from exporter.store.state import State

_log = logging.getLogger("threatboard")

SOURCES: tuple[tuple[str, Source, Callable[[Config], Tune]], ...] = (
    ("/falco", FALCO, lambda config: FalcoRuling(config.falco)),
    ("/", FALCO, lambda config: FalcoRuling(config.falco)),  # where a falcosidekick URL points
)
"""Path, the source that parses what is posted there, and what tunes its events under a configuration."""

EXPIRY_INTERVAL = 30.0
"""Seconds between two looks for series that have been idle for too long."""

DRAIN_POLL = 0.05

LAST_LINES = 2.0
"""Seconds that the last event lines may take when the program ends."""

OTHER_FILES = 64
"""Files that the process has open beside connections."""


class Receiver:
    """`threatboard receive`: takes events, serves metrics."""

    def __init__(self, path: Path | None) -> None:
        """Reads the configuration, takes up what was kept, and takes both ports; raises ConfigError or ListenError."""
        config = load(path)
        self._intake_tls, self._show_tls = _tls(config.intake.tls.context), _tls(config.metrics.tls.context)
        self.intake = Listener("intake.listen", config.intake.listen, self._intake_tls)
        self.show = Listener("metrics.listen", config.metrics.listen, self._show_tls)
        state = State(config.series.state_dir, STORED)
        self.metrics = Metrics(config.series.limit, time, state)
        self._scrapers = Scrapers(self.metrics.store.births, time, state)
        self.metrics.store.reborn(self._scrapers.restore())
        self._recent = Recent()
        self._limits, self._show_limits = Limits(), Limits()
        self._lines: LineWriter | None = None
        if config.events.log and sys.stdout is not None:  # None where a parent closed it
            self._lines = LineWriter(sys.stdout.fileno(), self.metrics.lines_dropped)
        self._intake = Intake(Pipeline(self.metrics, self._recent, self._lines, time), self.metrics)
        views: dict[str, View] = {
            "/": StatusPage(self.metrics, self._recent, time),
            "/api/v1/events": EventsView(self._recent, time),
        }
        self._pages = Pages(self.metrics, self._scrapers, lambda: self._ready, views)
        self._ready = False
        self._reloader = Reloader(path, self._use, self.metrics.reloaded)
        self._use(self._reloader.start())

    def _use(self, config: Config) -> None:
        """Takes into use what can change while running."""
        self._config = config
        self.metrics.expect({key: getattr(config.controls, key) for key in catalog.COMPONENTS})
        self.metrics.store.resize(config.series.limit)
        self._scrapers.settle, self._scrapers.zero_hold = config.series.settle, config.series.zero_hold
        self._recent.resize(config.events.keep)
        for limits in (self._limits, self._show_limits):
            limits.head_timeout = config.intake.head_timeout
            limits.body_timeout = config.intake.body_timeout
            limits.max_body = config.intake.max_body
            limits.max_connections = config.intake.max_connections
        _allow_files(2 * config.intake.max_connections + OTHER_FILES)
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

    async def run(self) -> int:
        """Runs until SIGTERM or SIGINT, then drains; the exit code. A second signal ends the drain at once."""
        signals = [asyncio.Event(), asyncio.Event()]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(
                number, lambda: next((one for one in signals if not one.is_set()), signals[1]).set()
            )
        await self.show.start(self._show_protocol, self._pages, self._limits.head_timeout)
        await self.intake.start(self._intake_protocol, self._pages, self._limits.head_timeout)
        self._ready = True
        _log.info("events are taken on port %d, metrics are shown on port %d", self.intake.port, self.show.port)
        chores = [asyncio.create_task(self._reloader.run()), asyncio.create_task(self._expire())]
        stop, hurry = signals
        await stop.wait()
        drain, impatience = asyncio.create_task(self._drain()), asyncio.create_task(hurry.wait())
        await asyncio.wait([drain, impatience], return_when=asyncio.FIRST_COMPLETED)
        for task in (*chores, drain, impatience):
            task.cancel()
        if self._lines is not None:
            await self._lines.close(LAST_LINES)
        return 1 if hurry.is_set() else 0

    async def _drain(self) -> None:
        """Sends senders elsewhere, stops taking events, and waits until the last values have been scraped."""
        self._ready = False
        self._limits.draining = True
        _log.info("draining: events are taken for %gs more", self._config.intake.drain)
        await asyncio.sleep(self._config.intake.drain)
        await self.intake.stop(self._limits.body_timeout)
        stopped = time.monotonic()
        timeout = self._config.metrics.final_scrape_timeout
        _log.info("draining: no more events; waiting for at most %gs until the last values are scraped", timeout)
        while not (seen := self._scrapers.satisfied(stopped)) and time.monotonic() < stopped + timeout:
            await asyncio.sleep(DRAIN_POLL)
        _log.log(logging.INFO if seen else logging.WARNING, "drained%s", "" if seen else ": some scraper did not come")
        await self.show.stop(patience=1.0)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_INTERVAL)
            self.metrics.store.expire(self._config.series.idle_expiry)

    def _show_protocol(self, *args: Any) -> BoundedProtocol:
        return BoundedProtocol(*args, limits=self._show_limits, refused=self._intake.refused)

    def _intake_protocol(self, *args: Any) -> BoundedProtocol:
        return DirectProtocol(
            *args,
            limits=self._limits,
            refused=self._intake.refused,
            screen=self._intake.screen,
            take=self._intake.take,
            take_slowly=self._intake.take_slowly,
        )


def _allow_files(needed: int) -> None:
    """Raises the soft limit of open files, commonly 1024, for programs that cannot count further; we can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        _log.warning(
            "this process may have %d files open; intake.max_connections takes up to %d: raise the limit (ulimit -Hn)",
            hard,
            needed,
        )


def _tls(context: ssl.SSLContext | None) -> Tls | None:
    return Tls(context) if context is not None else None
