"""How well the detection works, from what people do in Alertmanager anyway: they silence, and say why."""

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from exporter.catalog.kpi import KPIS, SEVERITIES
from exporter.clock import Clock
from exporter.pollers.alertmanager.client import Client, ClientError
from exporter.pollers.alertmanager.client import Settings as Settings
from exporter.pollers.alertmanager.counts import Histogram, Series, severity
from exporter.pollers.alertmanager.episodes import COMMON as COMMON
from exporter.pollers.alertmanager.episodes import GRACE, Book
from exporter.pollers.alertmanager.kept import Kept

_log = logging.getLogger("threatboard")


class Policy(NamedTuple):
    """How Alertmanager is reached, the labels that tell no alert from another, and targets by `catalog.kpi.KPIS`."""

    client: Settings
    ignored: tuple[str, ...]
    targets: Mapping[str, float]


class Unacknowledged(NamedTuple):
    """An alert that waits: its labels, and since when people know, as a Unix time."""

    labels: Mapping[str, str]
    told: float


class Alertmanager:
    """The poller: `poll` reads and counts, `values` is what is shown."""

    def __init__(
        self, policy: Callable[[], Policy], state_dir: Path | None, clock: Clock, *, grace: float = GRACE
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._kept = Kept(state_dir, clock, grace)
        self._client: Client | None = None
        self._reached: Settings | None = None
        self.problem = ""
        """Why it cannot be read now."""
        self._alone = False
        self._failed_before = 0
        self._values: Mapping[str, Mapping[Series, float | Histogram]] = {}
        self._unacknowledged: list[Unacknowledged] = []
        self.success = False
        self.last_success: float | None = None

    @property
    def failures(self) -> int:
        """Requests that failed."""
        return self._failed_before + (0 if self._client is None else self._client.failures)

    def poll(self) -> None:
        """Takes what Alertmanager lists now."""
        policy = self._policy()
        try:
            listed = self._connected(policy.client).fetch(policy.ignored)
        except ClientError as error:
            self.success = False
            self._tell(str(error))
            return
        now = self._clock.time()
        book = self._kept.book
        book.look(now, listed.alerts, listed.silences, settled=now - listed.started >= book.grace)
        self._kept.write()
        self._unacknowledged = _waiting(book)
        self._values = {**book.counts.shown(), **_open(self._unacknowledged, now), **_targets(policy)}
        self.success, self.last_success = True, now
        self._tell("")
        if listed.alone != self._alone:
            self._alone = listed.alone
            _log.warning(
                "Alertmanager %s",
                "cannot list its silences (one has several sets of matchers): verdicts are not read, and silences "
                "only while they hold an alert"
                if listed.alone
                else "lists its silences again",
            )

    def values(self) -> Mapping[str, Mapping[Series, float | Histogram]]:
        """Metric -> label values -> value; gauges of now only while Alertmanager can be read."""
        return self._values if self.success else {k: v for k, v in self._values.items() if k not in _OF_NOW}

    def unacknowledged(self) -> list[Unacknowledged]:
        """What fires, was told, and nobody has said that he looks at; the oldest first."""
        return self._unacknowledged

    def stop(self) -> None:
        """Ends the connections."""
        if self._client is not None:
            self._client.close()

    def _connected(self, settings: Settings) -> Client:
        if self._client is None or settings != self._reached:
            if self._client is not None:
                self._failed_before += self._client.failures
                self._client.close()
            self._client, self._reached = Client(settings), settings
        return self._client

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            if problem:
                _log.error("alertmanager.urls: %s", problem)
            else:
                _log.info("Alertmanager is read again")


_OPEN = "threat_unacknowledged_alerts"
_OLDEST = "threat_oldest_unacknowledged_seconds"
_OF_NOW = (_OPEN, _OLDEST)


def _waiting(book: Book) -> list[Unacknowledged]:
    found = [Unacknowledged(one.labels, one.told) for one in book.episodes() if one.open]
    return sorted(found, key=lambda one: one.told)


def _open(waiting: Iterable[Unacknowledged], now: float) -> dict[str, Mapping[Series, float]]:
    """How many there are, and how old the oldest is."""
    ages: dict[str, list[float]] = {one: [] for one in SEVERITIES}
    for one in waiting:
        ages[severity(one.labels)].append(max(0.0, now - one.told))
    return {
        _OPEN: {(one,): float(len(several)) for one, several in ages.items()},
        _OLDEST: {(one,): max(several, default=0.0) for one, several in ages.items()},
    }


def _targets(policy: Policy) -> dict[str, Mapping[Series, float]]:
    return {"threat_kpi_target": {(one,): policy.targets[one] for one in KPIS}}
