"""Wiring: which paths take which source's events, and how the parts start, change and stop."""

import asyncio
import dataclasses
import logging
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from exporter import catalog
from exporter.config import Config
from exporter.config.reload import Reloader
from exporter.events import Recent
from exporter.files import places
from exporter.intake import Intake
from exporter.intake.drill import Marks, drills
from exporter.intake.pipeline import Pipeline, Route
from exporter.intake.refusals import Refusals
from exporter.intake.ruling import FalcoRuling, WafRuling, always_there
from exporter.lines import EventLines, LineWriter
from exporter.metrics import STORED, Metrics
from exporter.pages import Pages, View
from exporter.pages.events import EventsView
from exporter.pages.status import StatusPage
from exporter.server.budget import Inflight, Turns
from exporter.server.listener import Listener
from exporter.sources.falco import FALCO
from exporter.sources.falco_known import KnownAlerts
from exporter.sources.waf import WAF
from exporter.store.scrapers import Scrapers
from exporter.store.state import State

_log = logging.getLogger("threatboard")


def _falco(config: Config, marks: Marks) -> Route:
    ruling = FalcoRuling(config.falco, drills(config.drill, marks))
    return Route(dataclasses.replace(FALCO, parse=KnownAlerts(ruling.fields, ruling.single).parse), ruling)


def _waf(config: Config, marks: Marks) -> Route:
    return Route(WAF, WafRuling(config.waf, drills(config.drill, marks)))


SOURCES: tuple[tuple[tuple[str, ...], Callable[[Config, Marks], Route]], ...] = (
    (("/falco", "/"), _falco),  # `/` is where a falcosidekick URL points
    (("/waf",), _waf),
)
"""The paths of a source, and what becomes of what is posted there under a configuration, once these marks came."""

EXPIRY_INTERVAL = 30.0
"""Seconds between two looks for series that have been idle for too long."""

DRAIN_POLL = 0.05

LAST_LINES = 2.0
"""Seconds that the last event lines may take when the program ends."""


class Receiver:
    """`threatboard receive`: takes events, serves metrics."""

    def __init__(self, path: Path | None) -> None:
        """Reads the configuration, takes up what was kept, and takes both ports; raises ConfigError or ListenError."""
        self._in_use = False
        self._reloader = Reloader(path, self._use, self._reloaded)
        config = self._reloader.start()
        turns = Turns()
        self._inflight = Inflight(config.intake.max_inflight, turns)
        self.intake = Listener("intake.listen", config.intake.listen, config.intake, self._inflight, turns)
        self.show = Listener("metrics.listen", config.metrics.listen, config.intake, self._inflight, turns)
        state = State(config.series.state_dir, STORED)
        self.metrics = Metrics(config.series.limit, time, state, config.series.max_bytes)
        self._scrapers = Scrapers(self.metrics.store.creation, time, state)
        self.metrics.store.restamp(self._scrapers.restore())
        self.metrics.gauge("threat_scrapers").set_function(self._scrapers.regular)
        self._recent = Recent()
        self._marks = Marks()
        logs = config.events.log and sys.stdout is not None  # None where a parent closed it
        writer = LineWriter(sys.stdout.fileno(), self.metrics.lines_dropped) if logs else None
        self._lines = EventLines(self._recent, writer)
        pipeline = Pipeline(self.metrics, self._lines, time)
        self._intake = Intake(self._current, pipeline, self.metrics, Refusals(time))
        views: dict[bytes, View] = {
            b"/": StatusPage(self.metrics, self._recent, time),
            b"/api/v1/events": EventsView(self._recent, time),
        }
        self._ready = False
        self._pages = Pages(
            self._current, self.metrics, self._scrapers, lambda: self._ready, views, self._intake.refused
        )
        self._use(config)
        self._in_use = True
        self._reloaded(True, time.time())

    def _reloaded(self, success: bool, at: float) -> None:
        if self._in_use:  # not while the first configuration is still being taken into use
            self.metrics.reloaded(success, at)

    def _current(self) -> Config:
        """The configuration in use."""
        return self._reloader.config

    def _use(self, config: Config) -> None:
        """Takes into use what can change while running, as far as it is not read from the configuration each time."""
        self.metrics.expect({key: getattr(config.controls, key) for key in catalog.COMPONENTS})
        self.metrics.gauge("threat_waf_blocking_expected").set(config.waf.blocking)
        self.metrics.gauge("threat_waf_clients_counted").set(config.waf.client_networks)
        self.metrics.store.resize(config.series.limit, config.series.max_bytes)
        self.metrics.store.families["threat_waf_events_total"].keep(always_there(config.waf))
        self._scrapers.settle, self._scrapers.zero_hold = config.series.settle, config.series.zero_hold
        self._recent.resize(config.events.keep, config.events.keep_bytes)
        limits = dataclasses.replace(config.intake, max_connections=places(config.intake.max_connections))
        self._inflight.limit = config.intake.max_inflight
        self._intake.routes = routes(config, self._marks)
        for listener, section in ((self.intake, config.intake), (self.show, config.metrics)):
            listener.limits = limits
            listener.use_tls(section.tls.context)

    async def run(self) -> int:
        """Runs until SIGTERM or SIGINT, then drains; the exit code. A second signal ends the drain at once."""
        signals = [asyncio.Event(), asyncio.Event()]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(
                number, lambda: next((one for one in signals if not one.is_set()), signals[1]).set()
            )
        await self.show.start(self._pages)
        await self.intake.start(self._intake)
        self._ready = True
        _log.info("events are taken on port %d, metrics are shown on port %d", self.intake.port, self.show.port)
        chores = [asyncio.create_task(self._reloader.run()), asyncio.create_task(self._expire())]
        stop, hurry = signals
        await stop.wait()
        drain, impatience = asyncio.create_task(self._drain()), asyncio.create_task(hurry.wait())
        await asyncio.wait([drain, impatience], return_when=asyncio.FIRST_COMPLETED)
        for task in (*chores, drain, impatience):
            task.cancel()
        await self._lines.close(LAST_LINES)
        return 1 if hurry.is_set() else 0

    async def _drain(self) -> None:
        """Sends senders elsewhere, stops taking events, and waits until the last values have been scraped."""
        self._ready = False
        self.intake.draining = True
        config = self._current()
        _log.info("draining: events are taken for %gs more", config.intake.drain)
        await asyncio.sleep(config.intake.drain)
        await self.intake.stop(config.intake.body_timeout)
        stopped = time.monotonic()
        timeout = config.metrics.final_scrape_timeout
        _log.info("draining: no more events; waiting for at most %gs until the last values are scraped", timeout)
        while not (seen := self._scrapers.satisfied(stopped)) and time.monotonic() < stopped + timeout:
            await asyncio.sleep(DRAIN_POLL)
        _log.log(logging.INFO if seen else logging.WARNING, "drained%s", "" if seen else ": some scraper did not come")
        await self.show.stop(patience=1.0)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_INTERVAL)
            self.metrics.store.expire(self._current().series.idle_expiry, self._scrapers.seen())


def routes(config: Config, marks: Marks) -> dict[bytes, Route]:
    """Path -> where what is posted there goes."""
    return {path.encode(): route for paths, make in SOURCES for route in [make(config, marks)] for path in paths}
