"""Properties: whatever is posted is an event or a rejection, and the page can be read afterwards."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter import catalog
from exporter.metrics import Metrics, StoreCollector
from exporter.server.http import Headers
from tests.support.clock import FakeClock
from tests.support.insides import ACCEPT, Insides, read
from tests.support.senders import SENDERS

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
    exporter = Insides(SENDERS["ids"])
    assert exporter.post(body, headers) in (200, 204, 400, 413, 415)
    exporter.assert_readable()


@settings(max_examples=60)
@given(st.lists(ALERTS, max_size=3), st.booleans())
def test_any_text_in_an_alert_leaves_the_page_readable(alerts: list[object], ascii_only: bool) -> None:
    exporter = Insides(SENDERS["ids"])
    body = json.dumps(alerts, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert exporter.post(body, []) in (200, 204, 400)
    exporter.assert_readable()


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
