"""Wiring of `threatboard watch`: what is polled, how often, and how the parts start, change and stop."""

import asyncio
import dataclasses
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from exporter import catalog
from exporter.config import Config
from exporter.config.reload import Reloader
from exporter.files import places
from exporter.intake.refusals import Refusals
from exporter.intake.tuning import glob
from exporter.metrics.watch import Poller, WatchMetrics
from exporter.pages import Pages
from exporter.pages.cluster import ClusterPage
from exporter.pollers import alertmanager
from exporter.pollers.alertmanager import Alertmanager
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


def policy(config: Config) -> alertmanager.Policy:
    """What the configuration says of Alertmanager."""
    about = config.alertmanager
    return alertmanager.Policy(
        alertmanager.Settings(about.urls, about.context, about.auth.token, about.auth.username),
        about.ignore_labels,
        {
            "acknowledge_seconds": about.targets.acknowledge,
            "triage_seconds": about.targets.triage,
            "false_positive_ratio": about.targets.false_positive_ratio,
        },
    )


class Watcher:
    """`threatboard watch`: reads the cluster and Alertmanager, serves metrics."""

    def __init__(self, path: Path | None) -> None:
        """Reads the configuration and takes the port; raises ConfigError or ListenError."""
        self._reloader = Reloader(path, self._use, self._reloaded)
        self._metrics: WatchMetrics | None = None  # until the first configuration is in use
        config = self._reloader.start()
        self._settings, self._policy = settings(config), policy(config)
        self._coverage = Coverage(lambda: self._settings, config.cluster.kubeconfig) if config.cluster.enabled else None
        self._alertmanager = (
            Alertmanager(lambda: self._policy, config.alertmanager.state_dir, time)
            if config.alertmanager.urls
            else None
        )
        pollers: dict[str, Poller | None] = {"coverage": self._coverage, "alertmanager": self._alertmanager}
        self._metrics = WatchMetrics({name: one for name, one in pollers.items() if one is not None})
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
            {b"/": ClusterPage(self._coverage, self._alertmanager, time)},
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
        if config.alertmanager.urls:  # to unset them waits for a restart
            self._policy = policy(config)
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
        if self._coverage is not None:
            chores.append(asyncio.create_task(self._watch_cluster(self._coverage)))
        else:
            self._ready = True
        if self._alertmanager is not None:
            chores.append(asyncio.create_task(self._watch_alertmanager(self._alertmanager)))
        if len(chores) == 1:
            _log.warning("nothing is watched: cluster.enabled is false, and alertmanager.urls is empty")
        await stop.wait()
        for task in chores:
            task.cancel()
        if self._coverage is not None:
            self._coverage.stop()
        if self._alertmanager is not None:
            self._alertmanager.stop()
        await self.show.stop(patience=1.0)
        return 0

    async def _watch_cluster(self, coverage: Coverage) -> None:
        coverage.start()
        while not coverage.listed():
            await asyncio.sleep(FIRST_LOOK)
        while True:
            await self._poll("coverage", coverage.poll)
            if not self._ready:
                self._ready = True
                if coverage.success:
                    _log.info("the cluster is known")
                else:
                    _log.warning("the cluster is not known whole: see above")
            await asyncio.sleep(self._reloader.config.cluster.interval)

    async def _watch_alertmanager(self, poller: Alertmanager) -> None:
        while True:
            await self._poll("alertmanager", poller.poll)
            await asyncio.sleep(self._reloader.config.alertmanager.interval)

    async def _poll(self, name: str, poll: Callable[[], None]) -> None:
        begun = time.monotonic()
        await asyncio.to_thread(poll)
        assert self._metrics is not None
        self._metrics.polled(name, time.monotonic() - begun)
