"""Properties: whatever is posted is an event or a rejection, and the page can be read afterwards."""

import asyncio
import json
from dataclasses import replace

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter import catalog
from exporter.config import Config, FalcoSettings
from exporter.events import Recent
from exporter.intake import Intake
from exporter.intake.pipeline import Pipeline, Route
from exporter.intake.refusals import Refusals
from exporter.intake.ruling import FalcoRuling
from exporter.lines import EventLines
from exporter.metrics import Metrics, StoreCollector
from exporter.server.http import Answer, Asked, Connection, Headers, Request
from exporter.sources.falco import FALCO
from exporter.sources.falco_known import KnownAlerts
from tests.support.clock import FakeClock

ACCEPT = {False: "text/plain", True: "application/openmetrics-text; version=1.0.0"}

Samples = set[tuple[str, tuple[tuple[str, str], ...], float]]


class Exporter:
    """Everything between the listeners, without them."""

    def __init__(self) -> None:
        clock = FakeClock()
        self.metrics = Metrics(limit=50, clock=clock)
        self.recent = Recent()
        self.recent.resize(5, 1 << 20)
        pipeline = Pipeline(self.metrics, EventLines(self.recent, None), clock)
        self.intake = Intake(Config, pipeline, self.metrics, Refusals(clock))
        self.connection = Connection("127.0.0.1")
        self.intake.routes = {b"/falco": Route(replace(FALCO, parse=KnownAlerts().parse), FalcoRuling(FalcoSettings()))}

    def post(self, body: bytes, headers: Headers) -> int:
        request = Request(b"POST", b"/falco", headers)
        assert self.intake.screen(request, self.connection) is None
        (answer,) = self.intake.answers([Asked(request, body, self.connection)])
        if not isinstance(answer, Answer):
            answer = asyncio.run(answer)
        if answer.body:
            assert orjson.loads(answer.body)
        assert answer.encoded(True, request)
        return answer.status

    def page(self, openmetrics: bool) -> str:
        return b"".join(self.metrics.page(ACCEPT[openmetrics], None)[1]).decode()


def read(page: str, openmetrics: bool) -> Samples:
    parse = parse_openmetrics if openmetrics else parse_text
    return {
        (sample.name, tuple(sorted(sample.labels.items())), float(sample.value))
        for family in parse(page)
        for sample in family.samples
    }


def assert_readable(exporter: Exporter) -> None:
    for openmetrics in (False, True):
        assert any(name == "threat_build_info" for name, _, _ in read(exporter.page(openmetrics), openmetrics))
    for record in exporter.recent:
        assert record.line()["received"]


HEADERS = st.sampled_from([[], [(b"content-encoding", b"gzip")], [(b"content-encoding", b"\xff")]])


def texts(awkward: str) -> st.SearchStrategy[str]:
    """Text of which every other character is one of these (as an alphabet they would drown among all characters)."""
    return st.lists(st.sampled_from(awkward) | st.characters(codec="utf-8"), max_size=12).map("".join)


# Surrogates, controls, line ends of every kind, what the formats escape, and the right-to-left override.
AWKWARD = texts('\ud800\udfff\x00\x1b\x7f\x85\r\n\t\\"{}%,=\u2028\u202e')

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | AWKWARD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(AWKWARD, inner, max_size=4),
    max_leaves=10,
)

FIELDS = ["k8s.ns.name", "k8s.pod.name", "proc.cmdline", "user.name", "fd.name", "ka.target.name", "evt.time"]

ALERTS = st.fixed_dictionaries(
    {"rule": AWKWARD | VALUES},
    optional={
        "priority": AWKWARD | st.sampled_from(["Critical", "Notice"]),
        "source": AWKWARD,
        "hostname": AWKWARD,
        "output": VALUES,
        "tags": VALUES,
        "time": VALUES | st.datetimes().map(lambda moment: moment.isoformat()),
        "output_fields": st.dictionaries(st.sampled_from(FIELDS) | AWKWARD, VALUES, max_size=5) | VALUES,
    },
)


@settings(max_examples=60)
@given(st.binary() | st.binary().map(lambda tail: b'{"rule":"' + tail), HEADERS)
def test_any_bytes_are_events_or_a_rejection(body: bytes, headers: Headers) -> None:
    exporter = Exporter()
    assert exporter.post(body, headers) in (200, 204, 400, 413, 415)
    assert_readable(exporter)


@settings(max_examples=60)
@given(st.lists(ALERTS, max_size=3), st.booleans())
def test_any_text_in_an_alert_leaves_the_page_readable(alerts: list[object], ascii_only: bool) -> None:
    exporter = Exporter()
    body = json.dumps(alerts, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert exporter.post(body, []) in (200, 204, 400)
    assert_readable(exporter)


LABEL_VALUES = texts('"\\\n%{},= ü')


@settings(max_examples=60)
@given(st.lists(st.tuples(*[LABEL_VALUES] * 8), max_size=5), st.booleans())
def test_the_stores_own_text_reads_like_prometheus_clients(
    series: list[tuple[str, str, str, str, str, str, str, str]], openmetrics: bool
) -> None:
    metrics = Metrics(clock=FakeClock())
    for labels in series:
        metrics.add("threat_falco_alerts_total", labels)
        metrics.set("threat_falco_snapshot_timestamp_seconds", labels[:2], 3)
    registry = CollectorRegistry()
    registry.register(StoreCollector(metrics.store))
    rendered = (generate_openmetrics if openmetrics else generate_latest)(registry).decode()
    own = b"".join(metrics.page(ACCEPT[openmetrics], None)[1]).decode()

    stored = {name for name, metric in catalog.METRICS.items() if metric.stored}
    ours = {sample for sample in read(own, openmetrics) if sample[0] in stored}
    assert ours == read(rendered, openmetrics)
    assert len(ours) >= len(set(series))
