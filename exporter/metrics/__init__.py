"""The catalog made real: what is counted, and the page that shows it. The only importer of prometheus_client.

The page is the store's own text followed by what `prometheus_client` renders of the registry that holds the rest.
"""

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as CollectedMetric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.utils import floatToGoString

from exporter import __version__, catalog, negotiation
from exporter.clock import Clock
from exporter.receipts import Receipts
from exporter.store.ledger import Labels
from exporter.store.series import Family
from exporter.store.state import State
from exporter.store.store import Store

# `_created` lines double the page, and the store shows new series in a way that every reader knows.
disable_created_metrics()  # type: ignore[no-untyped-call]


STORED = {name: metric.labels for name, metric in catalog.METRICS.items() if metric.stored}
"""The families that the counter store holds, and their labels."""


class Metrics:
    """Every metric of the catalog, counted and shown. One per process; tests make their own."""

    def __init__(
        self, limit: int = 20_000, clock: Clock = time, state: State | None = None, max_bytes: int = 64 << 20
    ) -> None:
        self._clock = clock
        self._state = state or State(None, STORED)
        stored = [catalog.METRICS[name] for name in STORED]
        self.store = Store(stored, limit, max_bytes, clock, {name: self._state.ledger(name) for name in STORED})
        self._receipts = {control: Receipts() for control in catalog.CONTROLS}
        self.registry = CollectorRegistry(auto_describe=False)
        self._own = {
            name: self._register(metric)
            for name, metric in catalog.METRICS.items()
            if "receive" in metric.roles and not metric.stored and name not in _STATE
        }
        ProcessCollector(registry=self.registry)
        self.registry.register(_StoreState(self.store))
        self.gauge("threat_build_info", __version__).set(1)
        self.gauge("threat_series_bytes").set_function(lambda: self.store.bytes)
        self.gauge("threat_series_bytes_limit").set_function(lambda: self.store.max_bytes)
        self.gauge("threat_state_healthy").set_function(lambda: self._state.healthy)
        self._last_event = self.store.families["threat_last_event_timestamp_seconds"]
        for control in catalog.METRICS["threat_drill_seconds"].closed["control"]:
            self.histogram("threat_drill_seconds", control)
        for control in (*catalog.CONTROLS, catalog.UNATTRIBUTED):
            for reason in catalog.REJECT_REASONS:
                self.counter("threat_events_rejected_total", control, reason)

    def counter(self, name: str, *labels: str) -> Counter:
        metric = self._own[name]
        assert isinstance(metric, Counter)
        return metric.labels(*labels) if labels else metric

    def gauge(self, name: str, *labels: str) -> Gauge:
        metric = self._own[name]
        assert isinstance(metric, Gauge)
        return metric.labels(*labels) if labels else metric

    def histogram(self, name: str, *labels: str) -> Histogram:
        metric = self._own[name]
        assert isinstance(metric, Histogram)
        return metric.labels(*labels)

    def _register(self, metric: catalog.Metric) -> "Counter | Gauge | Histogram | _Received":
        if metric.name in _RECEIPTS or metric.name == _DELAY:
            received = _Received(metric, self._receipts)
            self.registry.register(received)
            return received
        if metric.kind == "histogram":
            return Histogram(metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets)
        return (Counter if metric.kind == "counter" else Gauge)(
            metric.name, metric.help, metric.labels, registry=self.registry
        )

    # Counting ------------------------------------------------------------------------------------------------

    def add(self, metric: str, labels: Labels) -> None:
        """Adds one to a stored counter."""
        self.store.families[metric].add(labels)

    def set(self, metric: str, labels: Labels, value: int) -> None:
        """Sets a stored gauge, or a stored counter that the sender keeps."""
        self.store.families[metric].set(labels, value)

    def set_now(self, metric: str, labels: Labels) -> None:
        """Sets a stored gauge to the time."""
        self.set(metric, labels, int(self._clock.time()))

    def observe(self, metric: str, labels: Labels, value: float) -> None:
        """One more of this size, of a histogram."""
        self.histogram(metric, *labels).observe(value)

    def accept(self, control: str, hostname: str, happened: float | None, received: float) -> None:
        """What every accepted event moves, whether or not a tuning entry then suppresses it. Times are Unix times."""
        self._receipts[control].add(None if happened is None else received - happened)
        self._last_event.set((control, hostname), int(received))

    def reject(self, control: str, reason: str) -> None:
        """Counts one thing that was not accepted; `reason` is one of `catalog.REJECT_REASONS`."""
        self.counter("threat_events_rejected_total", control, reason).inc()

    def expect(self, controls: Mapping[str, bool]) -> None:
        """Which controls the configuration expects, by the keys of `catalog.COMPONENTS`."""
        for key, expected in controls.items():
            self.gauge("threat_control_expected", *catalog.COMPONENTS[key]).set(expected)

    def reloaded(self, success: bool, timestamp: float) -> None:
        """Notes that the configuration was read; the time is that of the one in use."""
        self.gauge("threat_config_reload_success").set(success)
        if success:
            self.gauge("threat_config_reload_timestamp_seconds").set(timestamp)

    def lines_dropped(self, count: int) -> None:
        """Counts event lines that were not written; may be called from any thread."""
        self.counter("threat_event_lines_dropped_total").inc(count)

    def values(self, name: str) -> dict[Labels, float]:
        """A metric that is not stored and no histogram: its label values in the catalog's order -> its value now."""
        labels = catalog.METRICS[name].labels
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for family in self._own[name].collect()
            for sample in family.samples
        }

    # Showing -------------------------------------------------------------------------------------------------

    def page(self, accept: str, cutoff: int | None) -> tuple[str, Iterator[bytes]]:
        """The content type and the page in slices, for an Accept header; series created after `cutoff` read 0."""
        form = negotiation.choose(accept)
        openmetrics = form is negotiation.OPENMETRICS
        rest: bytes = (generate_openmetrics if openmetrics else generate_latest)(self.registry)
        return form.content_type, self._slices(rest, openmetrics, cutoff)

    def _slices(self, rest: bytes, openmetrics: bool, cutoff: int | None) -> Iterator[bytes]:
        for family in self.store.families.values():
            yield _head(family.metric, openmetrics)
            yield from family.slices(cutoff)
        yield rest  # in OpenMetrics it ends with the page's one `# EOF`


class StoreCollector:
    """The store as prometheus_client sees it, true values only: for tests, which compare it with the page."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[CollectedMetric]:
        for family in self._store.families.values():
            yield _collected(family)


_DELAY = "threat_event_delay_seconds"

_RECEIPTS: Mapping[str, Callable[[Receipts], float]] = {
    "threat_clock_skew_events_total": lambda receipts: receipts.skewed,
    "threat_events_accepted_total": lambda receipts: receipts.accepted,
}
"""Counter -> what it says of the accepted events of a control."""


class _Received:
    """A counter or histogram of accepted events, read when it is shown."""

    def __init__(self, metric: catalog.Metric, receipts: Mapping[str, Receipts]) -> None:
        self._metric = metric
        self._receipts = receipts

    def collect(self) -> Iterator[CollectedMetric]:
        name, text, labels = self._metric.name, self._metric.help, self._metric.labels
        if self._metric.kind == "histogram":
            delays = HistogramMetricFamily(name, text, labels=labels)
            for control, receipts in self._receipts.items():
                buckets = [(floatToGoString(bound), count) for bound, count in receipts.delays()]  # type: ignore[no-untyped-call]
                delays.add_metric([control], buckets, receipts.delay_sum)
            yield delays
        else:
            counted = CounterMetricFamily(name, text, labels=labels)
            for control, receipts in self._receipts.items():
                counted.add_metric([control], _RECEIPTS[name](receipts))
            yield counted


_STATE: Mapping[str, Callable[[Family], int]] = {
    "threat_series": len,
    "threat_series_limit": lambda family: family.limit,
    "threat_series_overflow_total": lambda family: family.overflowed,
    "threat_series_expired_total": lambda family: family.expired,
}
"""Metric -> what it says of each family of the store."""


class _StoreState:
    """The gauges and counters about the store itself, read when they are shown."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[CollectedMetric]:
        for name, value_of in _STATE.items():
            shown = _family(catalog.METRICS[name])
            for family_name, family in self._store.families.items():
                shown.add_metric([family_name], value_of(family))
            yield shown


def _family(metric: catalog.Metric) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)


def _collected(family: Family) -> CollectedMetric:
    shown = _family(family.metric)
    for sample in family.samples():
        shown.add_metric(list(sample.labels), sample.value)
    return shown


def _head(metric: catalog.Metric, openmetrics: bool) -> bytes:
    name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
    text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {metric.kind}\n".encode()
