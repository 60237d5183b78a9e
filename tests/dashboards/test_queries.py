"""Every expression of every board: it parses, and all that it names exists and can be there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as pq
import pytest
import yaml

from dashboards import sources
from dashboards.filled import filled
from dashboards.queries import select, state
from dashboards.queries.alerts import ALERTS, KEPT, NEVER, counted
from rules import promql, unique
from rules.tree import load
from tests.dashboards.grafana import Asks, asks, beside_panels

ROOT = Path(__file__).parent.parent.parent
ASKS = asks()
KEYS = unique.keys_of_recordings(load().recordings)
STARTS_EMPTY = re.compile(r"\{\{(\w+)\}\}")


def _known(folder: Path) -> dict[str, promql.Series]:
    """All names that a board may read: the catalog's, the recordings', and those of others in the two lists."""
    both = folder / "external.yaml"
    both.write_text("".join(path.read_text(encoding="utf-8") + "\n" for path in sources.FILES), encoding="utf-8")
    known = promql.known(both, load().recordings)
    for name in [name for name in known if name.endswith("_bucket")]:
        known[name] = promql.Series(known[name].labels | {"le"}, known[name].values)
    return known


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, promql.Series]:
    return _known(tmp_path_factory.mktemp("names"))


@pytest.fixture(scope="module")
def asked_of(known: dict[str, promql.Series]) -> dict[str, promql.Series]:
    """The same, with the labels that sums of the alerts lack and are asked for, to find nothing where one is chosen."""
    every = known[ALERTS]
    return {**known, **{name: promql.Series(every.labels | {NEVER}, every.values) for name in KEPT}}


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_a_query_names_what_exists(ask: Asks, asked_of: dict[str, promql.Series]) -> None:
    assert promql.faults(filled(ask.target["expr"]), asked_of) == []


def test_sums_of_the_alerts_have_the_labels_that_boards_count_on(known: dict[str, promql.Series]) -> None:
    assert {name: known[name].labels for name in KEPT} == {
        name: labels | {"cluster", "minute"} for name, labels in KEPT.items()
    }


def test_the_smallest_recording_is_read_and_the_whole_one_only_where_something_is_chosen() -> None:
    chosen = {"rule": "=~$rule", "hostname": "=~$node"}
    assert counted("rule", "1h") == (
        'sum by (rule) (sum_over_time(rule:threat_falco_alerts:increase1m{cluster=~"$cluster", minute="whole"}[1h])'
        ' or rule:threat_falco_alerts:increase1m{cluster=~"$cluster", minute="running"})'
    )
    assert f'{NEVER}!~"$node"' in counted("rule", **chosen)
    assert ALERTS not in counted("hostname", hostname="=~$node")
    assert NEVER not in counted("rule, hostname", **chosen)


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_a_query_cannot_fail_whatever_a_cluster_serves(ask: Asks) -> None:
    assert unique.faults(filled(ask.target["expr"]), KEYS) == []


def test_variables_and_annotations_cannot_fail_whatever_a_cluster_serves() -> None:
    found = {where: unique.faults(filled(expr), KEYS) for where, expr in beside_panels().items()}
    assert {where: faults for where, faults in found.items() if faults} == {}


def test_variables_and_annotations_name_what_exists(asked_of: dict[str, promql.Series]) -> None:
    expressions = beside_panels()
    found = {where: promql.faults(filled(expr), asked_of) for where, expr in expressions.items()}
    assert {where: faults for where, faults in found.items() if faults} == {}


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_a_legend_names_labels_that_the_result_has(ask: Asks, known: dict[str, promql.Series]) -> None:
    labels = promql.labels_of(pq.parse(filled(ask.target["expr"])), known)
    assert set(STARTS_EMPTY.findall(ask.target["legendFormat"])) <= labels


@pytest.mark.parametrize("ask", [ask for ask in ASKS if ask.panel["type"] == "table"], ids=str)
def test_a_table_shows_the_labels_of_its_rows_and_no_others(ask: Asks, known: dict[str, promql.Series]) -> None:
    labels = promql.labels_of(pq.parse(filled(ask.target["expr"])), known)
    (organize,) = [step["options"] for step in ask.panel["transformations"] if step["id"] == "organize"]
    shown = {name for name in organize["renameByName"] if not name.startswith("Value")}
    assert labels <= shown, "a column without a heading"
    rows = [
        promql.labels_of(pq.parse(filled(other.target["expr"])), known) for other in ASKS if other.panel is ask.panel
    ]
    assert shown <= set().union(*rows), "a heading without a column"


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_a_query_is_limited_to_the_chosen_cluster(ask: Asks) -> None:
    tree = pq.parse(filled(ask.target["expr"], {"cluster": "chosen"}))
    for node in promql.walk(tree):
        if isinstance(node, pq.VectorSelector):
            # Rules say it of all clusters, and do not know their own.
            wanted = "chosen|" if node.name == "threat:runbooks" else "chosen"
            assert [m.value for m in node.matchers.matchers if m.name == "cluster"] == [wanted]


def _names(node: Any) -> set[str]:
    return {str(found.name) for found in promql.walk(node) if isinstance(found, pq.VectorSelector)}


def _reads_raw(node: Any, harmless: bool = False) -> Iterator[str]:
    """Counters whose raw value gets into the result; to count them or to multiply them by 0 is harmless."""
    match node:
        case pq.MatrixSelector():
            return
        case pq.VectorSelector() if str(node.name).endswith("_total") and not harmless:
            yield str(node.name)
        case pq.AggregateExpr() if str(node.op) in ("count", "group"):
            harmless = True
        case pq.BinaryExpr() if str(node.op) == "-" and _names(node.lhs) == _names(node.rhs):
            # What a counter has more than it had before.
            return
        case pq.BinaryExpr() if str(node.op) in ("and", "unless"):
            # What stands on the right only says which of the left are shown.
            yield from _reads_raw(node.lhs, harmless)
            return
        case pq.BinaryExpr() if str(node.op) in (">", "*") and "0" in (str(node.lhs), str(node.rhs)):
            harmless = True
    for name in ("lhs", "rhs", "expr"):
        if (child := getattr(node, name, None)) is not None:
            yield from _reads_raw(child, harmless)
    for child in getattr(node, "args", ()):
        yield from _reads_raw(child, harmless)


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_a_counter_is_never_shown_raw(ask: Asks) -> None:
    assert list(_reads_raw(pq.parse(filled(ask.target["expr"])))) == []


@pytest.mark.parametrize(
    ("expr", "raw"),
    [
        ("sum(a_total)", ["a_total"]),
        ("sum(increase(a_total[5m]))", []),
        ("max(a_total > 5)", ["a_total"]),
        ("a_total - a_total offset 5m >= 0 or a_total - min_over_time(a_total[5m])", []),
        ("a_total - b_total", ["a_total", "b_total"]),
        ("time() - x unless on (h) a_total or b_total and x", ["b_total"]),
        ("count(a_total) or 0 * sum(b_total) or topk(3, c_total)", ["c_total"]),
    ],
)
def test_a_raw_counter_is_told_from_a_harmless_one(expr: str, raw: list[str]) -> None:
    assert list(_reads_raw(pq.parse(expr))) == raw


def test_every_metric_of_others_says_which_component_and_setting_it_comes_from() -> None:
    names: list[str] = []
    for path in sources.FILES:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        names += entries
        assert all(entry["component"] and entry["setting"] for entry in entries.values())
    assert len(set(names)) == len(names), "one list has it, not both"


def test_every_metric_that_only_boards_read_is_read() -> None:
    text = " ".join(filled(ask.target["expr"]) for ask in ASKS)
    listed = yaml.safe_load(sources.FILES[1].read_text(encoding="utf-8"))
    assert [name for name in listed if name not in text] == []


def test_a_panel_tells_where_its_numbers_come_from_and_what_it_needs() -> None:
    expressions = [
        'sum(rate(cilium_drop_count_total{reason="up"}[5m]))',
        "namespace:threat_controls:count3m",
        "increase(threat_event_delay_seconds_bucket[5m]) + threat_build_info",
        "hubble_dns_queries_total",
    ]
    assert sources.origin(expressions[:1]) == "cilium-agent (prometheus.enabled)"
    assert sources.origin(expressions[1:3]) == (
        "threatboard's recording rules (load rules/recording); threatboard's exporter (scrape its port 9376)"
    )
    assert "dns:labelsContext=source_namespace" in sources.origin(expressions[3:])
    assert sources.missing(expressions[3:]) == "No data. Needs Hubble (hubble.metrics.enabled dns with labelsContext)"


def test_a_selector_of_others_always_has_the_cluster() -> None:
    assert select("up") == 'up{cluster=~"$cluster"}'
    assert select("up", job="!=", instance="=~$agent") == 'up{cluster=~"$cluster", job!="", instance=~"$agent"}'
    with pytest.raises(ValueError, match="no metric cilium_drops_total"):
        select("cilium_drops_total")
    with pytest.raises(ValueError, match="no component hubbel"):
        state("up", "hubbel")
