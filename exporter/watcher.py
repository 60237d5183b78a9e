"""Wiring of `threatboard watch`: what is polled, how often, and how the parts start, change and stop."""

import asyncio
import dataclasses
import logging
import signal
import time
from pathlib import Path

from exporter import catalog
from exporter.config import Config
from exporter.config.reload import Reloader
from exporter.files import places
from exporter.intake.refusals import Refusals
from exporter.intake.tuning import glob
from exporter.metrics.watch import WatchMetrics
from exporter.pages import Pages
from exporter.pages.cluster import ClusterPage
from exporter.pollers.coverage import Coverage
from exporter.pollers.coverage.cluster import Settings
from exporter.server.budget import Inflight, Turns
from exporter.server.listener import Listener

_log = logging.getLogger("threatboard")

FIRST_LOOK = 0.2
"""Seconds between two looks for whether the cluster is known, at the beginning."""

CONNECTIONS = 200
"""Connections of a listener that a few scrapers and people use."""


def settings(config: Config) -> Settings:
    """What the configuration says of the cluster."""
    known = [glob(host) for host in config.waf.hosts]
    return Settings(
        {agent: getattr(config.cluster.agents, agent) for agent in catalog.watch.AGENTS},
        {agent: getattr(config.cluster.configmaps, agent) or "" for agent in catalog.watch.AGENTS},
        config.cluster.receiver or "",
        frozenset(key for key in catalog.COMPONENTS if getattr(config.controls, key)),
        config.drill.namespace,
        lambda host: any(fits(host) for fits in known),
    )


class Watcher:
    """`threatboard watch`: reads the cluster, serves metrics."""

    def __init__(self, path: Path | None) -> None:
        """Reads the configuration and takes the port; raises ConfigError or ListenError."""
        self._reloader = Reloader(path, self._use, self._reloaded)
        self._metrics: WatchMetrics | None = None  # until the first configuration is in use
        config = self._reloader.start()
        self._settings = settings(config)
        self._coverage = Coverage(lambda: self._settings, config.cluster.kubeconfig) if config.cluster.enabled else None
        self._metrics = WatchMetrics({} if self._coverage is None else {"coverage": self._coverage})
        self._reloaded(True, time.time())
        turns = Turns()
        inflight = Inflight(config.intake.max_inflight, turns)
        self.show = Listener("metrics.listen", config.metrics.listen, config.intake, inflight, turns)
        refusals = Refusals(time)
        self._ready = False
        self._pages = Pages(
            lambda: self._reloader.config,
            self._metrics,
            None,
            lambda: self._ready,
            {b"/": ClusterPage(self._coverage, time)},
            lambda reason, sentence, _, address: refusals.tell(reason, sentence, address),
            "this page tells attackers where nobody looks",
        )
        self._use(config)

    def _reloaded(self, success: bool, at: float) -> None:
        if self._metrics is not None:
            self._metrics.reloaded(success, at)

    def _use(self, config: Config) -> None:
        """Takes into use what can change while running, as far as it is not read from the configuration each time."""
        self._settings = settings(config)
        wanted = min(config.intake.max_connections, CONNECTIONS)
        self.show.limits = dataclasses.replace(config.intake, max_connections=places(wanted))
        self.show.use_tls(config.metrics.tls.context)

    async def run(self) -> int:
        """Runs until SIGTERM or SIGINT; the exit code."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await self.show.start(self._pages)
        _log.info("metrics are shown on port %d", self.show.port)
        chores = [asyncio.create_task(self._reloader.run())]
        if self._coverage is None:
            _log.warning("nothing is watched: cluster.enabled is false")
            self._ready = True
        else:
            chores.append(asyncio.create_task(self._poll(self._coverage)))
        await stop.wait()
        for task in chores:
            task.cancel()
        if self._coverage is not None:
            self._coverage.stop()
        await self.show.stop(patience=1.0)
        return 0

    async def _poll(self, coverage: Coverage) -> None:
        coverage.start()
        while not coverage.listed():
            await asyncio.sleep(FIRST_LOOK)
        while True:
            begun = time.monotonic()
            await asyncio.to_thread(coverage.poll)
            assert self._metrics is not None
            self._metrics.polled("coverage", time.monotonic() - begun)
            if not self._ready:
                self._ready = True
                if coverage.success:
                    _log.info("the cluster is known")
                else:
                    _log.warning("the cluster is not known whole: see above")
            await asyncio.sleep(self._reloader.config.cluster.interval)
