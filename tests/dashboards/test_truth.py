"""Known events go to a real exporter; every panel of `ids` and `overview` shows their number: soon and long after.

The exporter's pages, read as Prometheus reads them, are played to its own engine (promtool) with the whole bundle of
rules, so that ten minutes take no time: 20 s, 2 min and 10 min after the events, at two speeds of scraping.
"""

import http.client
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dashboards.filled import filled
from dashboards.queries import NO_RULES, NOTE, setup
from dashboards.queries.events import YOUNG
from demo import shipped
from demo.series import text_of
from exporter.catalog import PRIORITIES, REJECT_REASONS, TACTICS
from tests.dashboards.grafana import Asks, asks
from tests.support.receiver import Receiver, alert, receiver

SINGLE, AGAIN = "Drop and execute new binary in container", "Terminal shell in container"
EVENTS = (
    {"rule": SINGLE, "priority": "critical", "tactic": "persistence", "hostname": "node-1", "pod": "web-0"},
    {"rule": AGAIN, "priority": "notice", "tactic": "execution", "hostname": "node-2", "pod": "web-1"},
    {"rule": AGAIN, "priority": "notice", "tactic": "execution", "hostname": "node-2", "pod": "web-1"},
)
"""One alert of a kind, and two of another; all in the workload shop/web."""

BEFORE = 600
"""Seconds for which the exporter is scraped before the events."""
SPEEDS = ((5, (20, 120, 600)), (30, (120, 600)))
"""Seconds between scrapes, and seconds after the events. A new series takes two scrapes: the first shows it at 0."""

Rows = dict[str, float]
"""Labels as Prometheus writes them -> value."""


def _counted(*by: str, **of: str) -> Rows:
    found: Rows = {}
    for event in EVENTS:
        labels = {**event, "namespace": "shop", "workload": "web"}
        if of.items() <= labels.items():
            key = text_of({name: labels[name] for name in by})
            found[key] = found.get(key, 0) + 1
    return found


def _one(value: float, **labels: str) -> Rows:
    return {text_of(labels): value}


NOTHING: Rows = {}
SET_UP = {
    "The exporter is scraped": 1,
    "Rules are loaded": 1,
    "No event is refused (1 h)": 1,
    "Falco's snapshots, all nodes": 0,
}
WORKLOAD = ("namespace", "workload")
TRUTH: dict[tuple[str, str], tuple[Rows | None, ...]] = {
    ("ids", "Falco"): (_one(1),),
    ("ids", "Alerts in the time range"): (_one(1), _one(0), _one(2)),
    ("ids", "Falco nodes heard"): (_one(0),),
    ("ids", "Suppressed"): (_one(0),),
    ("ids", "Alerts over time"): ({**{text_of({"priority": one}): 0 for one in PRIORITIES}, **_counted("priority")},),
    ("ids", "Top 10 rules"): (_counted("rule"),),
    ("ids", "By priority"): (_counted("priority"),),
    ("ids", "Along the attack chain"): (*(_counted(tactic=tactic) or _one(0) for tactic in TACTICS), NOTHING),
    ("ids", "Top 20 rules"): (_counted("rule", "priority", "tactic"),),
    ("ids", "By pod"): (_counted("namespace", "workload", "pod"),),
    ("ids", "By node"): (_counted("hostname"),),
    ("ids", "By namespace and workload"): (_counted(*WORKLOAD),),
    ("ids", "Suppressed alerts"): (_one(0, rule="other", reason="other"),),
    ("ids", "Events accepted and rejected"): (_one(3), {text_of({"reason": one}): 0 for one in REJECT_REASONS}),
    ("overview", "Intrusion detection"): (_one(1),),
    ("overview", "Firing alerts"): (_one(1), None, None),
    ("overview", "Events by control"): (_one(3), NOTHING),
    ("overview", "Set-up"): (
        {
            text_of({"check": check.what, "then": check.then}): SET_UP[check.what]
            for check in setup.CHECKS
            if check.what in SET_UP
        },
    ),
    ("overview", "Firing now"): (None, None),
    ("overview", "Who is hit"): (
        _one(1, namespace="shop", workload="web"),
        _counted(*WORKLOAD, priority="critical"),
        _counted(*WORKLOAD),
        NOTHING,
        NOTHING,
    ),
    ("overview", "Since yesterday"): (
        {**_one(1, control="ids", severity="critical"), **_one(2, control="ids", severity="info")},
        NOTHING,
        NOTHING,
    ),
    ("overview", "Controls by node"): ({**_one(1, node="node-1"), **_one(1, node="node-2")}, NOTHING),
    ("overview", "Rules not seen in the six days before"): (_one(0, note=YOUNG),),
}
"""(board, panel) -> what each of its queries shows; None where more than these events decides."""

OTHERS = {
    ("ids", "Detection delay, 95 %"): "how long, not how many",
    ("ids", "Detection delay"): "how long, not how many",
    ("ids", "Falco by node"): "ages and system calls",
    ("ids", "System calls that Falco lost"): "no system calls",
    ("ids", "Versions of the rule files"): "of Falco's own metrics",
    ("ids", "Alerts lost in Falco's queue"): "of Falco's own metrics",
    ("ids", "Room for series"): "series, not events",
    ("overview", "Network policy"): "of Cilium",
    ("overview", "Network flows"): "of Hubble",
    ("overview", "Web firewall"): "of the WAF",
}
"""(board, panel) -> why the events do not decide it."""

LASTING = {"Firing alerts": 120}
"""Panel -> seconds after which its truth is another: the alert is over."""

Page = dict[str, float]


def _page(connection: http.client.HTTPConnection) -> Page:
    connection.request("GET", "/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "10"})
    text = connection.getresponse().read().decode()
    return {
        sample.name + text_of({**sample.labels, "job": "threatboard", "instance": "exporter:9376"}): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("threat_")
    }


def _post(running: Receiver) -> None:
    for event in EVENTS:
        sent = alert(event["rule"], event["priority"].title(), k8s_pod_name=event["pod"])
        sent |= {"hostname": event["hostname"], "tags": [f"mitre_{event['tactic']}"]}
        assert running.post(sent)[0] == 204


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Page, Page]:
    """What one scraper was shown before the events, and by its next two scrapes."""
    with receiver(tmp_path_factory.mktemp("truth"), controls={"ids": True}) as running:
        connection = http.client.HTTPConnection("127.0.0.1", running.show)
        first = _page(connection)
        _post(running)
        found = first, _page(connection), _page(connection)
        connection.close()
    return found


def _values(name: str, pages: tuple[Page, Page, Page], step: int) -> str:
    """The samples of a series in promtool's notation; times of the clock become those of the play."""
    calm, after = BEFORE // step, 900 // step
    shown = [page.get(name) for page in pages]
    if any(value is not None and value > 1e9 for value in shown):
        shown = [None if value is None else float(BEFORE) for value in shown]
    first, zero, true = ("_" if value is None else f"{value:g}" for value in shown)
    return f"{first}x{calm} {zero} {true}x{after}" if first == "_" else f"{first}+0x{calm} {zero} {true}+0x{after}"


def _numbers(ask: Asks) -> int:
    return ord(ask.target["refId"]) - ord("A")


def _expected(board: str) -> Iterator[tuple[Asks, Rows]]:
    for ask in asks():
        truth = TRUTH.get((ask.board, ask.panel["title"]))
        if ask.board == board and truth is not None and (rows := truth[_numbers(ask)]) is not None:
            yield ask, rows


def _checks(board: str, times: tuple[int, ...], chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
    for ask, rows in _expected(board):
        for after in times:
            if after > LASTING.get(ask.panel["title"], after):
                continue
            expr = filled(ask.target["expr"], chosen)
            if ask.target["range"] and after > 60:
                # A graph: its steps together.
                expr = f"sum_over_time(({expr})[12m:1m])"
            samples = [{"labels": labels, "value": value} for labels, value in rows.items()]
            yield {"expr": expr, "eval_time": f"{BEFORE + after}s", "exp_samples": samples}


def test_every_panel_of_both_boards_is_compared_or_says_why_not() -> None:
    there = {(ask.board, ask.panel["title"]) for ask in asks() if ask.board in ("ids", "overview")}
    assert set(TRUTH) | set(OTHERS) == there
    assert set(TRUTH) & set(OTHERS) == set()
    for (board, title), rows in TRUTH.items():
        assert len(rows) == len([ask for ask in asks() if (ask.board, ask.panel["title"]) == (board, title)]), title


BY_NAME = {"namespace": "shop", "workload": "web", "rule": ".+", "node": "node-[12]"}
"""All of them are chosen, each by its name: what is read for it differs, what is shown does not."""


@pytest.mark.parametrize(("step", "times", "chosen"), [*((*speed, {}) for speed in SPEEDS), (*SPEEDS[-1], BY_NAME)])
@pytest.mark.parametrize("board", ["ids", "overview"])
def test_panels_show_the_truth_soon_later_and_long_after(
    tool: Callable[[str], Path],
    tmp_path: Path,
    pages: tuple[Page, Page, Page],
    step: int,
    times: tuple[int, ...],
    board: str,
    chosen: dict[str, str],
) -> None:
    checks, rules = list(_checks(board, times, chosen)), shipped.write_rules(tmp_path)
    said = _play(tool("promtool"), tmp_path, pages, step, checks, rules)
    assert said == ""


@pytest.mark.parametrize("board", ["ids", "overview"])
def test_without_rules_no_panel_says_that_there_was_nothing(
    tool: Callable[[str], Path], tmp_path: Path, pages: tuple[Page, Page, Page], board: str
) -> None:
    checks = []
    for ask, _ in _expected(board):
        if "increase1m" in ask.target["expr"] or "ALERTS" in ask.target["expr"]:
            shown = [{"labels": text_of({NOTE: NO_RULES}), "value": 0}] if ask.panel["type"] == "piechart" else []
            expr = f"({filled(ask.target['expr'])}) >= 0"
            checks.append({"expr": expr, "eval_time": f"{BEFORE + 120}s", "exp_samples": shown})
    assert checks
    assert _play(tool("promtool"), tmp_path, pages, 30, checks, []) == ""


def _play(
    promtool: Path,
    folder: Path,
    pages: tuple[Page, Page, Page],
    step: int,
    checks: list[dict[str, Any]],
    rules: list[Path],
) -> str:
    names = sorted(set().union(*pages))
    series = [{"series": name, "values": _values(name, pages, step)} for name in names]
    case = {"interval": f"{step}s", "input_series": series, "promql_expr_test": checks}
    file = folder / "truth.yaml"
    file.write_text(
        yaml.safe_dump(
            {"rule_files": [str(rule) for rule in rules], "evaluation_interval": f"{step}s", "tests": [case]}
        )
    )
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True)
    return f"{done.stdout}{done.stderr}" if done.returncode else ""
