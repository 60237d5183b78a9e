"""An expression that a cluster can make fail is named, and one that cannot fail is left alone."""

from pathlib import Path

import pytest

from rules.tree import Rule
from rules.unique import faults, keys_of_recordings


def _recording(name: str, expr: str, **labels: str) -> Rule:
    return Rule("record", name, expr, "group", Path("x.yaml"), labels=labels)


KEYS = keys_of_recordings(
    (
        _recording("pod:owner:info", "group by (pod, workload) (owner)"),
        _recording("pod:one_owner:info", "topk by (pod) (1, group by (pod, workload) (owner))"),
        _recording("job:hits:rate5m", "sum by (job) (rate(hits_total[5m]))", kind="a"),
        _recording("job:hits:rate5m", "sum by (job) (rate(misses_total[5m]))", kind="b"),
        _recording("raw:hits:copy", "hits_total"),
        _recording("threat:threshold", "vector(1)", alertname="X"),
    )
)

FAIL = (
    ('sum by (namespace) (label_replace(rate(a[5m]), "namespace", "$1", "source_namespace", "(.+)"))', "renames onto"),
    ('label_join(a, "pod", "-", "x", "y")', "renames onto pod"),
    ('label_replace(sum by (pod, source) (a), "pod", "$1", "source", "(.+)")', "renames onto pod"),
    ('label_replace(time() - a, "node", "$1", "hostname", "(.+)")', "renames onto node"),
    ('label_replace(raw:hits:copy, "node", "$1", "hostname", "(.+)")', "renames onto node"),
    ('label_replace(sum by (a) (x) or sum by (b) (x), "b", "$1", "a", "(.+)")', "renames onto b"),
    ("sum by (pod) (a) * on (pod) group_left (workload) pod:owner:info", "the right side of * "),
    ("pod:owner:info * on (pod) group_right (workload) sum by (pod) (a)", "the left side of * "),
    ("a > on () group_left () b", "the right side of > "),
    ("sum(a) > on () group_left () job:hits:rate5m", "the right side of > "),
    ("sum(a) > on () group_left () threat:threshold{alertname='X'}", "the right side of > "),
    ("a / on (pod) b", "the left side of / "),
    ("sum by (pod, x) (a) / ignoring (x) sum by (pod) (b)", "the left side of / "),
    ("sum by (pod, workload) (a) * on (pod) group_left (workload) pod:one_owner:info", "overwrites workload"),
)

HOLD = (
    'label_replace(sum by (source) (a), "pod", "$1", "source", "(.+)")',
    'label_replace(sum by (pod) (a), "pod", "(none)", "pod", "")',
    'label_replace(sum by (a) (x) or sum by (b) (x), "c", "$1", "a", "(.+)")',
    'label_replace(histogram_quantile(0.9, sum by (scope, le) (rate(a[5m]))), "step", "$1", "scope", "(.+)")',
    'sum by (a) (label_replace(sum by (b) (x), "a", "$1", "b", "(.+)")) / on (a) sum by (a) (y)',
    "sum by (pod) (a) * on (pod) group_left (workload) pod:one_owner:info",
    "a > on () group_left () max(b)",
    "sum(a) > on () group_left () max(threat:threshold{alertname='X'})",
    "job:hits:rate5m{kind='a'} / on (job) job:hits:rate5m{kind='b'}",
    "sum by (job) (a) / sum by (job) (b)",
    "sum by (pod, x) (a) / ignoring (x) group_left () sum by (pod) (b)",
    "a unless on (pod) b and on (pod) c",
    "a > 5",
    "5 - a",
)


@pytest.mark.parametrize(("expr", "said"), FAIL, ids=[expr for expr, _ in FAIL])
def test_what_two_series_for_one_make_fail_is_named(expr: str, said: str) -> None:
    assert any(said in fault for fault in faults(expr, KEYS))


@pytest.mark.parametrize("expr", HOLD)
def test_what_holds_whatever_is_served_is_left_alone(expr: str) -> None:
    assert faults(expr, KEYS) == []
