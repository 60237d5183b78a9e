"""Coverage: whether each control runs where it should, is configured as it should be, and was proven by a drill.

coverage = Coverage(lambda: settings, kubeconfig)
coverage.start()                       # threads that list and watch
snapshot = coverage.fetch()            # what is known now
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from exporter.catalog.watch import RESOURCE_STATES
from exporter.clock import Clock
from exporter.pollers.coverage.api import Api
from exporter.pollers.coverage.cluster import Cluster, Settings, assemble
from exporter.pollers.coverage.reflector import Reflector
from exporter.pollers.coverage.resources import RESOURCES, config_maps
from exporter.pollers.coverage.snapshot import Snapshot, make

_log = logging.getLogger("threatboard")

STALE = 300.0
"""Seconds for which what was last known of a resource is still relied on while it cannot be read."""


class ResourceState(NamedTuple):
    """What became of watching a resource: one of `catalog.watch.RESOURCE_STATES`, why, for how long, how many."""

    name: str
    state: str
    reason: str
    seconds: float
    objects: int


class Coverage:
    """Watches the cluster. `poll` is for one thread; what it took may be read by any."""

    def __init__(self, settings: Callable[[], Settings], kubeconfig: Path | None, clock: Clock = time) -> None:
        self._settings = settings
        self._kubeconfig = kubeconfig
        self._clock = clock
        self._api: Api | None = None
        self._connecting = threading.Lock()
        self._cut: tuple[str, ...] = ()
        self.failures = 0
        self._judged = True
        self.snapshot = Snapshot()
        self.last_success: float | None = None
        kinds = (*RESOURCES, *config_maps(settings().configmaps))
        self._reflectors: dict[str, Reflector[Any]] = {
            kind.name: Reflector(kind, self._connected, self._count, clock) for kind in kinds
        }

    def start(self) -> None:
        """Starts to list and watch. The threads end with the process: a watch under way cannot be ended."""
        for name, reflector in self._reflectors.items():
            threading.Thread(target=reflector.run, name=f"watch {name}", daemon=True).start()

    def stop(self) -> None:
        """Asks the threads to end."""
        for reflector in self._reflectors.values():
            reflector.stop()

    def states(self) -> list[ResourceState]:
        """What became of each resource."""
        now = self._clock.monotonic()
        return [
            ResourceState(name, one.state, one.reason, now - one.since, len(one.objects()))
            for name, one in self._reflectors.items()
        ]

    @property
    def success(self) -> bool:
        """Whether everything that the cluster has can be read and judged."""
        return self._judged and all(one.state in ("synced", "absent") for one in self._reflectors.values())

    def listed(self) -> bool:
        """Whether each resource has been answered once: there is nothing more to wait for."""
        return all(one.answered for one in self._reflectors.values())

    def poll(self) -> None:
        """Takes what is known now; what is no longer known goes."""
        try:
            self.snapshot = make(self._cluster(), self._settings(), self._clock.time())
            self._judged = True
        except Exception:  # noqa: BLE001  # the next look may go well, and until then nothing is said
            _log.exception("the cluster could not be judged")
            self.snapshot, self._judged = Snapshot(), False
        if self.success:
            self.last_success = self._clock.time()
        if self.snapshot.cut != self._cut:
            self._cut = self.snapshot.cut
            _log.warning("more series than are shown: %s", ", ".join(self._cut) or "no more")

    def values(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """Metric -> label values -> value."""
        resources: dict[tuple[str, ...], float] = {
            (one.name, state): float(one.state == state) for one in self.states() for state in RESOURCE_STATES
        }
        return {"threat_watch_resource": resources, **self.snapshot.values}

    def _cluster(self) -> Cluster:
        now = self._clock.monotonic()

        def good(one: Reflector[Any]) -> bool:
            if one.state == "failing":
                return one.listed and now - one.since < STALE
            return one.state != "forbidden"

        usable = frozenset(name for name, one in self._reflectors.items() if good(one))

        def get(*names: str) -> list[Any]:
            return [found for name in names if name in usable for found in self._reflectors[name].objects()]

        return assemble(usable, get)

    def _connected(self) -> Api:
        """The API, as soon as it can be found: a kubeconfig or an account may come later."""
        with self._connecting:
            if self._api is None:
                self._api = Api(self._kubeconfig, len(self._reflectors))
            return self._api

    def _count(self) -> None:
        self.failures += 1
