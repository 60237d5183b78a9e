"""What an expression asks for in vain is named, and the labels of its result are known."""

import promql_parser as pq
import pytest

from rules.promql import TARGET_LABELS, Series, faults, labels_of

SERIES = {
    "hits_total": Series(TARGET_LABELS | {"path", "code"}, {"code": frozenset({"ok", "bad", ""})}),
    "job:hits:rate5m": Series(frozenset({"job"})),
}


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("hit_total", "no such metric: hit_total"),
        ('{job="x"}', "no such metric: None"),
        ('hits_total{pth="x"}', "hits_total has no label pth"),
        ('hits_total{code="good"}', "hits_total has no code='good'"),
        ('hits_total{code!="good"}', "hits_total has no code='good'"),
        ('hits_total{code=~"ok|good"}', "hits_total has no code='good'"),
        ('hits_total{code=~"g.+"}', "hits_total has no code='g.+'"),
        ('job:hits:rate5m{instance="x"}', "job:hits:rate5m has no label instance"),
        ("sum by (pth) (hits_total)", "aggregates by pth, which nothing below it has"),
        ('max_over_time(rate(hits_total{code="good"}[5m])[1h:1m])', "hits_total has no code='good'"),
        ("topk(scalar(hit_total), hits_total)", "no such metric: hit_total"),
    ],
)
def test_what_does_not_exist_is_named(expr: str, fault: str) -> None:
    assert faults(expr, SERIES) == [fault]


def test_bad_syntax_is_a_fault_and_not_an_exception() -> None:
    assert faults("sum(", SERIES)[0].startswith("does not parse: ")


@pytest.mark.parametrize(
    "expr",
    [
        'hits_total{code=~"ok|bad", path=~"/x.*"}',
        'hits_total{code=~"b.*"}',
        'hits_total{code=""}',
        "sum by (cluster, path) (rate(hits_total[5m])) > on () group_left () vector(1)",
    ],
)
def test_what_exists_is_left_alone(expr: str) -> None:
    assert faults(expr, SERIES) == []


@pytest.mark.parametrize(
    ("expr", "labels"),
    [
        ("sum by (path, colour) (hits_total)", {"path"}),
        ("sum(hits_total)", set()),
        ("sum without (path) (job:hits:rate5m)", {"job"}),
        ("topk(3, job:hits:rate5m)", {"job"}),
        ('label_replace(job:hits:rate5m, "team", "$1", "job", "(.*)")', {"job", "team"}),
        ("sum by (path) (hits_total) > on () group_left () vector(1)", {"path"}),
        ("sum by (path) (hits_total) * on () group_left (job) job:hits:rate5m", {"path", "job"}),
        ("job:hits:rate5m * on (job) group_right () sum by (job, path) (hits_total)", {"path", "job"}),
        ("sum by (job, path) (hits_total) / on (job) sum by (job, path) (hits_total)", {"job"}),
        ("sum by (job, path) (hits_total) / ignoring (path) sum by (job, path) (hits_total)", {"job"}),
        ("sum by (path) (hits_total) and on () job:hits:rate5m", {"path"}),
        ("sum by (path) (hits_total) unless on () job:hits:rate5m", {"path"}),
        ("sum by (path) (hits_total) or job:hits:rate5m", {"path", "job"}),
        ('absent(hits_total{code="ok", path=~"x"})', {"code"}),
        ("time() - job:hits:rate5m", {"job"}),
        ("-avg_over_time(job:hits:rate5m[1d:5m] offset 1h)", {"job"}),
        ("vector(1)", set()),
    ],
)
def test_the_labels_of_a_result_are_known(expr: str, labels: set[str]) -> None:
    assert labels_of(pq.parse(expr), SERIES) == labels
