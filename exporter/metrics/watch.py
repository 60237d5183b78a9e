"""The page of `threatboard watch`: the newest snapshot of each poller, and how polling goes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter import __version__, catalog, negotiation

Buckets = tuple[list[tuple[str, float]], float]
"""A histogram: each bound and how many observations were at most that; and the sum of all."""

Values = Mapping[tuple[str, ...], float | Buckets]

Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily


class Poller(Protocol):
    """What is asked of a poller when the page is made."""

    @property
    def success(self) -> bool: ...

    @property
    def failures(self) -> int: ...

    last_success: float | None

    def values(self) -> Mapping[str, Values]:
        """Metric -> label values in the catalog's order -> value; what is not known has no entry."""


class WatchMetrics:
    """Every metric of the catalog that `watch` shows."""

    def __init__(self, pollers: Mapping[str, Poller]) -> None:
        """`pollers` by the label `poller`."""
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self._gauge("threat_watch_info", __version__).set(1)
        self._success = self._gauge("threat_config_reload_success")
        self._timestamp = self._gauge("threat_config_reload_timestamp_seconds")
        about = catalog.METRICS["threat_poll_duration_seconds"]
        self._duration = Histogram(about.name, about.help, about.labels, registry=self.registry, buckets=about.buckets)
        for name in pollers:
            self._duration.labels(name)
        self.registry.register(_Polled(pollers))

    def _gauge(self, name: str, *labels: str) -> Gauge:
        about = catalog.METRICS[name]
        made = Gauge(name, about.help, about.labels, registry=self.registry)
        return made.labels(*labels) if labels else made

    def reloaded(self, success: bool, timestamp: float) -> None:
        """Notes that the configuration was read; the time is that of the one in use."""
        self._success.set(success)
        if success:
            self._timestamp.set(timestamp)

    def polled(self, poller: str, seconds: float) -> None:
        """Notes how long a snapshot took."""
        self._duration.labels(poller).observe(seconds)

    def page(self, accept: str, _cutoff: int | None) -> tuple[str, Iterator[bytes]]:
        """The content type and the page, for an Accept header. Gauges have no past that a scraper could miss."""
        form = negotiation.choose(accept)
        make = generate_openmetrics if form is negotiation.OPENMETRICS else generate_latest
        page: bytes = make(self.registry)
        return form.content_type, iter((page,))


class _Polled(Collector):
    """What pollers know, read when it is shown."""

    def __init__(self, pollers: Mapping[str, Poller]) -> None:
        self._pollers = pollers

    def collect(self) -> Iterable[Family]:
        for name, read in _ABOUT.items():
            family = _family(name)
            for poller, one in self._pollers.items():
                value = read(one)
                if value is not None:
                    family.add_metric([poller], value)
            yield family
        for one in self._pollers.values():
            values = one.values()
            for name, about in catalog.METRICS.items():
                if name in values:
                    yield _filled(about, values[name])


_ABOUT: Mapping[str, Callable[[Poller], float | None]] = {
    "threat_poll_success": lambda one: one.success,
    "threat_poll_last_success_timestamp_seconds": lambda one: one.last_success,
    "threat_poll_failures_total": lambda one: one.failures,
}
"""Metric -> what it says of each poller."""


def _family(name: str) -> GaugeMetricFamily | CounterMetricFamily:
    about = catalog.METRICS[name]
    kind = CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily
    return kind(name, about.help, labels=about.labels)


def _filled(about: catalog.Metric, values: Values) -> Family:
    if about.kind == "histogram":
        return _histogram(about, values)
    family = _family(about.name)
    for labels, value in values.items():
        assert not isinstance(value, tuple)
        family.add_metric(list(labels), value)
    return family


def _histogram(about: catalog.Metric, values: Values) -> HistogramMetricFamily:
    family = HistogramMetricFamily(about.name, about.help, labels=about.labels)
    for labels, value in values.items():
        assert isinstance(value, tuple)
        buckets, total = value
        family.add_metric(list(labels), buckets, total)
    return family
