"""Every query on a real Prometheus: during the attack it finds something, on an empty one it is no error."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.asked import ASKED
from dashboards.filled import filled
from demo.cluster import VICTIM
from demo.prometheus import Prometheus, Series
from tests.dashboards.conftest import CONFIG, World
from tests.dashboards.grafana import Asks, all_panels, asks, variable_queries

MINUTE, HOUR = 60.0, 3600.0
CHOSEN = {"namespace": VICTIM.namespace, "workload": VICTIM.workload, "pod": VICTIM.name, "node": VICTIM.node}

QUIET = {
    ("overview", "Since yesterday", "B"): "the world is two hours old",
    ("overview", "Since yesterday", "C"): "the world is two hours old",
    ("network", "Verdicts other than forwarded", "1.20 B"): "stands in for verdicts where there are none",
    ("network", "Verdicts other than forwarded", "1.12 A"): "there are verdicts since 1.13",
    ("investigate", "Policy denials", "B"): "where all pods are chosen there are no others",
    ("ids", "Along the attack chain", "O"): "says that the rules are not loaded",
    ("investigate", "Traffic", "B"): "what is usual is that of one workload",
    ("investigate", "CPU", "B"): "what is usual is that of one workload",
    ("overview", "Who is hit", "1.12 D"): "Hubble names namespaces since 1.13",
    ("overview", "Who is hit", "1.12 A"): "one control alone has namespaces",
}
"""(board, panel, query or generation) -> why it may find nothing."""


def _samples(world: World, ask: Asks, chosen: dict[str, str] | None = None) -> list[Series]:
    expr = filled(ask.target["expr"], chosen)
    if ask.target["instant"]:
        return world.prometheus.query(expr, at=world.now)
    return world.prometheus.query_range(expr, world.now - HOUR, world.now, MINUTE)


def _generation(world: World) -> str:
    (version,) = {series.labels["version"] for series in world.prometheus.query("cilium_version", at=world.now)}
    return version.rsplit(".", 1)[0]


def _excused(ask: Asks, generation: str) -> bool:
    keys = (generation, ask.target["refId"], f"{generation} {ask.target['refId']}")
    return any((ask.board, ask.panel["title"], key) in QUIET for key in keys)


def _is_known(series: list[Series]) -> bool:
    return any(not math.isnan(value) for one in series for _, value in one.samples)


def test_every_query_finds_something_during_the_attack(world: World) -> None:
    generation = _generation(world)
    empty = [str(ask) for ask in asks() if not _excused(ask, generation) and not _is_known(_samples(world, ask))]
    assert empty == [], "\n".join(empty)


def test_what_may_find_nothing_still_exists() -> None:
    there = {(ask.board, ask.panel["title"]) for ask in asks()}
    assert {(board, panel) for board, panel, _ in QUIET} <= there


def test_the_victims_own_board_finds_something_of_it(world: World) -> None:
    of_victim = [ask for ask in asks() if ask.board == "investigate" and ask.panel["title"] != "Controls at once"]
    found = {ask.panel["title"]: 0 for ask in of_victim}
    for ask in of_victim:
        if _is_known(_samples(world, ask, CHOSEN)):
            found[ask.panel["title"]] += 1
    without_names = {"Policy denials", "DNS", "Flows to the world"} if _generation(world) == "1.12" else set()
    assert {title for title, number in found.items() if number == 0} <= without_names


def test_what_is_usual_is_shown_for_one_workload_and_not_for_all_together(world: World) -> None:
    usual = [ask for ask in asks() if ask.target["legendFormat"] == "usual at most"]
    assert [ask.panel["title"] for ask in usual] == ["Traffic", "CPU"]
    for ask in usual:
        assert not _is_known(_samples(world, ask))
        assert _is_known(_samples(world, ask, CHOSEN)), ask


def test_every_panel_that_was_asked_for_is_listed_and_has_data(world: World) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "boards.md").read_text(encoding="utf-8")
    cells = [line.split(" | ", 7) for line in page.splitlines() if line.endswith("` |") and line.startswith("| ")]
    rows = [(cell[0].removeprefix("| "), *cell[2:4], cell[6], cell[7].strip("`| ")) for cell in cells]
    assert [row[:4] for row in rows] == [(one.what, one.board, one.panel, one.cilium) for one in ASKED]
    for _, board, panel, _, query in rows:
        theirs = [ask for ask in asks() if (ask.board, ask.panel["title"]) == (board, panel)]
        assert theirs[0].target["expr"] == query.replace("\\|", "|")
        assert any(_is_known(_samples(world, ask)) for ask in theirs), (board, panel)


def test_minimum_average_and_maximum_are_over_nodes_and_differ(world: World) -> None:
    panels = {ask.panel["title"] for ask in asks() if ask.target["legendFormat"] == "avg"}
    assert len(panels) >= 5
    for title in panels:
        theirs = [
            ask for ask in asks() if ask.panel["title"] == title and ask.target["legendFormat"] in ("min", "avg", "max")
        ]
        least, mean, most = (_samples(world, ask)[0].value for ask in theirs)
        assert least < mean < most, title


def test_events_are_counted_once_however_often_recordings_are_evaluated(world: World) -> None:
    (ask,) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == ("ids", "By node")]
    counted = {series.labels["hostname"]: series.value for series in _samples(world, ask)}
    # The past knows no minute that still runs.
    whole = "sum by (hostname) (increase(threat_falco_alerts_total[1h] offset 1m)) > 5"
    raw = world.prometheus.query(whole, at=world.now)
    assert len(raw) == 3
    for series in raw:
        # Where the range begins, one counts to the minute and the other to the sample.
        assert abs(counted[series.labels["hostname"]] - series.value) <= max(2, 0.1 * series.value)


def test_a_graph_shows_the_events_of_each_minute(world: World) -> None:
    (ask,) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == ("ids", "Alerts over time")]
    shown = sum(series.value for series in _samples(world, ask))
    (raw,) = world.prometheus.query("sum(increase(threat_falco_alerts_total[2m])) / 2", at=world.now)
    assert 0.6 * raw.value < shown < 1.4 * raw.value


def test_the_first_denials_of_an_attack_are_not_spread_thin(world: World) -> None:
    (ask,) = [ask for ask in asks() if str(ask) == "overview: Who is hit: D"]
    soon = world.now - 8 * MINUTE
    shown = world.prometheus.query(filled(ask.target["expr"]), at=soon)
    recorded = (
        f'sum(namespace_workload_pod:threat_events:increase5m{{control="network", namespace="{VICTIM.namespace}"}})'
    )
    told = [one.value for one in world.prometheus.query(recorded, at=soon)]
    assert sum(one.value for one in shown if one.labels["namespace"] == VICTIM.namespace) == pytest.approx(sum(told))
    assert (sum(told) > 300) == (_generation(world) == "1.20")


def test_what_cilium_cannot_do_yet_is_no_fault(world: World) -> None:
    (tile,) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == ("network", "Hubble names workloads")]
    (checks,) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == ("overview", "Set-up")]
    told = {one.labels["check"]: one.value for one in _samples(world, checks)}
    if _generation(world) == "1.12":
        assert _samples(world, tile)[0].value == 2
        assert "Hubble names workloads" not in told
    else:
        assert _samples(world, tile)[0].value == told["Hubble names workloads"] == 1


def test_denials_are_events_of_the_network_whether_hubble_names_whom_or_nobody(world: World) -> None:
    (_, ask) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == ("overview", "Events by control")]
    (network,) = [one for one in _samples(world, ask) if one.labels["control"] == "network"]
    assert 200 < network.value < 600, "seven a second"


def test_the_attack_is_told_from_the_calm_before(world: World) -> None:
    before, after = (world.now - 20 * MINUTE, world.now)
    for board, title in (
        ("overview", "Events by control"),
        ("ids", "Alerts over time"),
        ("network", "Dropped egress packets"),
        ("network", "Denied by workload"),
    ):
        (ask, *_) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == (board, title)]
        calm, hot = (
            sum(series.value for series in world.prometheus.query(filled(ask.target["expr"]), at=at))
            for at in (before, after)
        )
        assert hot > 1.1 * calm, title


def test_every_variable_offers_something(world: World) -> None:
    for name, expr in variable_queries():
        found = world.prometheus.query(filled(expr), at=world.now)
        assert found, name


def test_the_states_of_controls_and_nodes_are_told(world: World) -> None:
    def values(board: str, title: str) -> list[float]:
        (ask,) = [ask for ask in asks() if (ask.board, ask.panel["title"]) == (board, title)]
        return [series.value for series in _samples(world, ask)]

    assert values("overview", "Intrusion detection") == [1]
    assert values("overview", "Network policy") == [1]
    assert values("overview", "Network flows") == [1]
    assert values("overview", "Web firewall") == [1]
    for ask in [ask for ask in asks() if ask.panel["title"] == "Controls by node"]:
        assert [series.value for series in _samples(world, ask)] == [1, 1, 1]


@pytest.fixture
def empty(start_prometheus: Callable[[str, str], Prometheus]) -> Prometheus:
    return start_prometheus(CONFIG, "empty")


def test_an_empty_prometheus_is_no_error_and_nothing_is_claimed(empty: Prometheus) -> None:
    for ask in asks():
        found = empty.query(filled(ask.target["expr"]))
        if (ask.board, ask.panel["title"]) == ("overview", "Set-up"):
            assert [(series.labels["check"], series.value) for series in found] == [
                ("The exporter is scraped", 0),
                ("Rules are loaded", 0),
            ]
        else:
            assert found == [], ask
    for _, expr in variable_queries():
        empty.query(filled(expr))


def test_a_control_that_is_expected_and_absent_is_missing_and_one_that_is_not_expected_is_a_choice(
    tool: Callable[[str], Path], tmp_path: Path, start_prometheus: Callable[[str, str], Prometheus]
) -> None:
    from demo.history import Span, fill
    from demo.series import Row, Target, Timeline

    def alone(expected: float, name: str) -> dict[str, list[float]]:
        components = {"falco": "ids", "cilium": "network", "hubble": "network", "waf": "waf"}
        rows = [
            Row("threat_control_expected", {"control": control, "component": part}, expected, kind="gauge", steady=True)
            for part, control in components.items()
        ]
        rows += [Row("kube_node_info", {"node": "n1", "internal_ip": "10.0.0.1"}, 1, kind="gauge", steady=True)]
        rows += [Row("threat_build_info", {"version": "0"}, 1, kind="gauge", steady=True)]
        now = 1_700_000_000.0
        target = Target("/", {"job": "j"}, tuple(rows))
        fill(tmp_path / name / "prometheus", tool("promtool"), [target], Timeline(now), Span(now - 600, now, 30))
        prometheus = start_prometheus(CONFIG, name)
        states = {
            (ask.panel["title"], ask.target["refId"]): ask
            for ask in asks()
            if ask.board == "overview" and ask.panel["title"] in {"Controls by node", *TILES}
        }
        return {
            f"{title} {ref}": [one.value for one in prometheus.query(filled(ask.target["expr"]), at=now)]
            for (title, ref), ask in states.items()
        }

    assert set(map(tuple, alone(1, "gap").values())) == {(0.0,)}
    assert set(map(tuple, alone(0, "choice").values())) == {(2.0,)}


TILES = ("Intrusion detection", "Network policy", "Network flows", "Web firewall")


def test_no_panel_is_left_out_of_these_tests() -> None:
    asked = {(ask.board, ask.panel["title"]) for ask in asks()}
    others = {(board, panel["title"]) for board, panel in all_panels()} - asked
    assert others == {("investigate", "Event lines")}
