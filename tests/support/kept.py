"""A counter store with a state directory that dies like a process: without a word, and its files stay."""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from exporter.catalog import Metric
from exporter.store.ledger import FileLedger, Labels
from exporter.store.scrapers import Scrapers
from exporter.store.series import Family
from exporter.store.state import State
from exporter.store.store import Store
from tests.support.clock import FakeClock

ALERTS = Metric("t_alerts_total", "counter", "Alerts.", ("rule", "priority"), stored=True, zero_first=True)
SEEN = Metric("t_seen_seconds", "gauge", "Last seen.", ("hostname",), stored=True)


class Kept:
    """One life of an exporter's store on a directory; leaving the block kills it."""

    def __init__(
        self,
        folder: Path,
        limit: int = 100,
        clock: FakeClock | None = None,
        metrics: tuple[Metric, ...] = (ALERTS, SEEN),
        max_bytes: int = 64 << 20,
    ) -> None:
        self.clock = clock or FakeClock()
        self.state = State(folder, {metric.name: metric.labels for metric in metrics})
        ledgers = {metric.name: self.state.ledger(metric.name) for metric in metrics}
        self._ledgers = list(ledgers.values())
        self.store = Store(metrics, limit, max_bytes, self.clock, ledgers)
        self.scrapers = Scrapers(self.store.creation, self.clock, self.state)
        self.store.restamp(self.scrapers.restore())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What the kernel does for a process that is killed."""
        for ledger in self._ledgers:
            if isinstance(ledger, FileLedger):
                for file in (ledger._cells, ledger._keys):
                    with contextlib.suppress(OSError):  # it may have died between closing it and opening it anew
                        file.close()
        if hasattr(self.state, "_lock_file"):
            os.close(self.state._lock_file)

    @property
    def alerts(self) -> Family:
        return self.store.families["t_alerts_total"]

    def add(self, rule: str, times: int = 1) -> None:
        self.alerts.add((rule, "critical"), times)

    def healthy(self) -> bool:
        return self.state.healthy

    def values(self) -> dict[str, int]:
        """Rule -> value."""
        return {sample.labels[0]: sample.value for sample in self.alerts.samples()}

    def every_value(self) -> dict[Labels, int]:
        return {sample.labels: sample.value for family in self.store.families.values() for sample in family.samples()}

    def expire(self) -> None:
        self.store.expire(3600, self.scrapers.seen())
