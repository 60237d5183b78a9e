"""Which format a reader gets for its Accept header."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.negotiation import OPENMETRICS, TEXT, Format, choose

OM, PLAIN = "application/openmetrics-text", "text/plain"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

HEADERS: list[tuple[str, Format]] = [
    # Prometheus 2.5, 2.43, 3.0 and newer; the last with protobuf, as for native histograms
    (f"{OM}; version=0.0.1,{PLAIN};version=0.0.4;q=0.5,*/*;q=0.1", TEXT),
    (f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,{PLAIN};version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS),
    (
        f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.5,{PLAIN};version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1",
        OPENMETRICS,
    ),
    (
        f"{PROTOBUF};q=0.6,{OM};version=1.0.0;escaping=dots;q=0.5,{PLAIN};version=0.0.4;q=0.2,*/*;q=0.1",
        OPENMETRICS,
    ),
    # What a person's tools send
    ("*/*", TEXT),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
    ("", TEXT),
    # A version that is not spoken here is not what was asked for
    (f"{OM};version=2.0.0", TEXT),
    (f"{OM};version=2.0.0;q=1,{OM};version=1.0.0;q=0.9,{PLAIN};q=0.1", OPENMETRICS),
    (f"{OM};version=2.0.0,{PLAIN};version=0.0.4;q=0.1", TEXT),
    (f"{OM};version=1.0.0", OPENMETRICS),
    (f'{OM}; version="1.0.0"; charset=utf-8', OPENMETRICS),
    (OM, OPENMETRICS),
    (f"{PLAIN};version=1.0.0;escaping=values,{OM};version=1.0.0;q=0.5", TEXT),
    # Not at all
    (f"{OM};q=0,*/*", TEXT),
    (f"{OM};version=1.0.0;q=0,{PLAIN};q=0.1", TEXT),
    (f"{OM};version=1.0.0;q=0.000", TEXT),
    (f"{PLAIN};q=0,*/*;q=0.1", OPENMETRICS),
    (f"{PLAIN};q=0,{OM};q=0.001", OPENMETRICS),
    ("text/*;q=0,application/*;q=0.2", OPENMETRICS),
    ("*/*;q=0", TEXT),
    (f"{OM};q=0,{PLAIN};q=0", TEXT),
    ("application/json", TEXT),
    # The weight decides, not the place; the exact range before the wide one; the place between equals
    (f"{PLAIN};q=0.2,{OM};q=0.3", OPENMETRICS),
    (f"{OM};q=0.2,{PLAIN};q=0.3", TEXT),
    (f"{OM};q=0.2,*/*;q=0.9", TEXT),
    (f"{OM};q=0.9,*/*;q=0.2", OPENMETRICS),
    (f"{OM},{PLAIN}", OPENMETRICS),
    (f"{PLAIN},{OM}", TEXT),
    ("application/*", OPENMETRICS),
    ("APPLICATION/OpenMetrics-Text; Version=1.0.0; Q=0.5", OPENMETRICS),
    # Weights that are none
    (f"{OM};q=much,{PLAIN};q=0.1", TEXT),
    (f"{OM};q=nan,{PLAIN};q=0.1", TEXT),
    (f"{OM};q=-1,{PLAIN};q=0.1", TEXT),
    (f"{OM};q=,{PLAIN};q=0.1", TEXT),
]


@pytest.mark.parametrize(("accept", "expected"), HEADERS)
def test_the_format_is_the_one_that_is_liked_best(accept: str, expected: Format) -> None:
    assert choose(accept) is expected


@settings(deadline=None)
@given(st.text(alphabet=f'{OM}{PLAIN}*/;=,."q0159 ') | st.text())
def test_any_header_gives_one_of_the_two(accept: str) -> None:
    assert choose(accept) in (TEXT, OPENMETRICS)


@settings(deadline=None)
@given(st.permutations([f"{OM};version=1.0.0;q=0.6", f"{PLAIN};version=0.0.4;q=0.5", "*/*;q=0.1"]))
def test_the_order_of_what_is_weighted_does_not_matter(ranges: list[str]) -> None:
    assert choose(",".join(ranges)) is OPENMETRICS
