"""The boards as JSON: what Grafana's linter asks for, what Grafana 11 to 13 read, and the promises of the style."""

import re
from collections import Counter
from itertools import combinations
from urllib.parse import parse_qsl, urlsplit

import pytest

from dashboards import boards, colours
from dashboards.board import Json, Panel, Row, link
from dashboards.colours import BASIC, MEANINGS
from dashboards.fields import STATES
from exporter.catalog import CONTROLS, PRIORITIES
from tests.dashboards.grafana import BOARDS, all_panels, asks, panels, promql_of, walk

KINDS = {"timeseries", "stat", "bargauge", "piechart", "table", "heatmap", "logs"}
UNITS = {"none", "epm", "opm", "eps", "cps", "count:p/s", "mps", "reqps", "bps", "Bps", "s", "percentunit"}
"""Grafana's unit ids that the boards use; `count:` makes one that has thousands and no thousandths."""

EXCLUDED = {
    "template-job-rule": "the boards read many jobs, whose names are the user's",
    "template-instance-rule": "nodes are chosen by $node and $agent",
    "target-job-rule": "as above",
    "target-instance-rule": "as above",
}
"""Rules of the linter that the boards do not keep, and why; the tests below are the others."""


def _ids(document: Json) -> list[int]:
    rows = [panel for panel in document["panels"] if panel["type"] == "row"]
    return [panel["id"] for panel in (*rows, *panels(document))]


def test_every_board_has_a_stable_name_of_its_own() -> None:
    uids = [document["uid"] for document in BOARDS.values()]
    titles = [document["title"] for document in BOARDS.values()]
    assert [f"threatboard-{name}" for name in BOARDS] == uids
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid) for uid in uids)
    assert len(set(uids)) == len(set(titles)) == len(BOARDS)


def test_every_module_with_a_board_is_enumerated() -> None:
    assert {"overview", "ids", "network", "policy", "investigate"} <= set(BOARDS)
    assert len(boards()) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_ids_that_come_from_their_titles_and_are_unique(name: str) -> None:
    counted = Counter(_ids(BOARDS[name]))
    assert [number for number, times in counted.items() if times > 1] == []
    titles = Counter(panel["title"] for panel in panels(BOARDS[name]))
    assert [title for title, times in titles.items() if times > 1] == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_read_as_it_is_by_grafana_11_to_13(name: str) -> None:
    document = BOARDS[name]
    assert document["schemaVersion"] == 39
    assert document["tags"] == ["threatboard"]
    assert document["editable"] is False
    assert document["graphTooltip"] == 1
    assert "id" not in document
    assert "version" not in document
    kinds = {panel["type"] for panel in panels(document)}
    assert kinds <= KINDS
    nulls = [
        (key, node)
        for node in walk(document)
        if isinstance(node, dict)
        for key, value in node.items()
        if value is None and not (key == "value" and "color" in node)
    ]
    assert nulls == []


@pytest.mark.parametrize("name", BOARDS)
def test_panels_fill_a_grid_of_24_columns_without_overlap(name: str) -> None:
    document = BOARDS[name]
    shown = [panel["gridPos"] for panel in document["panels"]]
    assert all(place["x"] + place["w"] <= 24 and place["h"] > 0 for place in shown)
    for one, other in combinations(shown, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_a_row_breaks_into_lines_and_knows_where_it_ends() -> None:
    wide, small = (Panel("a", "", {}, width, height) for width, height in ((16, 8), (8, 5)))
    row = Row("r", (wide, small, small))
    assert [(x, y) for _, x, y in row.places(10)] == [(0, 11), (16, 11), (0, 19)]
    assert row.bottom(10) == 24
    assert Row("r", (wide,), collapsed=True).bottom(10) == 11


@pytest.mark.parametrize("name", BOARDS)
def test_the_data_source_is_a_variable_and_nothing_else_is_named(name: str) -> None:
    variables = {variable["name"]: variable for variable in BOARDS[name]["templating"]["list"]}
    assert (variables["datasource"]["query"], variables["datasource"]["label"]) == ("prometheus", "Data source")
    loki = any(panel["type"] == "logs" for panel in panels(BOARDS[name]))
    assert ("loki" in variables) == loki
    for node in walk(BOARDS[name]):
        if isinstance(node, dict) and "datasource" in node:
            assert node["datasource"] in (
                {"type": "prometheus", "uid": "${datasource}"},
                {"type": "loki", "uid": "${loki}"},
            )


@pytest.mark.parametrize("name", BOARDS)
def test_variables_reload_with_the_time_and_match_everything_when_all_are_chosen(name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            assert (variable["refresh"], variable["multi"], variable["includeAll"]) == (2, True, True)
            assert variable["allValue"] == ".*"
            assert promql_of(variable["query"])
            assert "regex" in variable or variable["query"].startswith("label_values(")


def test_a_variable_means_the_same_on_every_board() -> None:
    meanings: dict[str, set[str]] = {}
    for document in BOARDS.values():
        for variable in document["templating"]["list"]:
            meanings.setdefault(variable["name"], set()).add(variable["query"])
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_that_is_used_exists_and_every_one_that_exists_is_used(name: str) -> None:
    document = BOARDS[name]
    has = {variable["name"] for variable in document["templating"]["list"]}
    text = str(document["panels"]) + str([v.get("query") for v in document["templating"]["list"]])
    used = {match for match in re.findall(r"\$\{?(\w+)", text) if not match.startswith("__")} - {"1"}
    assert used == has


def test_every_panel_says_what_it_shows_what_is_normal_and_what_to_do() -> None:
    for board, panel in all_panels():
        parts = re.fullmatch(
            r"(.+)\n\n\*\*Normal:\*\* (.+)\n\n\*\*If not:\*\* (.+)\n\n\*\*From:\*\* (.+)", panel["description"]
        )
        assert parts, (board, panel["title"])
        assert panel["title"]
        assert len(parts.group(1)) > 20, (board, panel["title"])


def test_every_panel_has_a_unit_of_grafanas_and_says_what_it_needs_when_empty() -> None:
    for board, panel in all_panels():
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS, (board, panel["title"])
        if panel["type"] not in ("stat", "logs"):
            assert defaults["noValue"].startswith("No data. Needs "), (board, panel["title"])
        for override in panel["fieldConfig"]["overrides"]:
            for one in override["properties"]:
                assert one["id"] != "unit" or one["value"] in UNITS


def test_thresholds_begin_at_minus_infinity_and_rise() -> None:
    for board, panel in all_panels():
        for node in walk(panel["fieldConfig"]):
            if isinstance(node, dict) and "steps" in node and "mode" in node and node["mode"] == "absolute":
                first, *rest = [step["value"] for step in node["steps"]]
                assert first is None, (board, panel["title"])
                assert rest == sorted(rest)


def test_queries_are_as_their_panels_need_them() -> None:
    for ask in asks():
        form = {"table": "table", "heatmap": "heatmap"}.get(ask.panel["type"], "time_series")
        instant = ask.panel["type"] in ("stat", "bargauge", "piechart", "table")
        assert (ask.target["format"], ask.target["instant"], ask.target["range"]) == (form, instant, not instant), ask
        assert ask.panel["datasource"] == ask.target["datasource"]
    for board, panel in all_panels():
        references = [target["refId"] for target in panel["targets"]]
        assert references, (board, panel["title"])
        assert len(set(references)) == len(references)


def test_series_are_named_where_there_can_be_several() -> None:
    for ask in asks():
        if ask.panel["type"] in ("timeseries", "bargauge", "piechart", "heatmap"):
            assert ask.target["legendFormat"] != "__auto", ask


def test_a_rate_is_over_the_interval_that_grafana_chooses() -> None:
    for ask in asks():
        windows = re.findall(r"\bi?rate\([^\[]*\[([^\]]+)\]", ask.target["expr"])
        assert set(windows) <= {"$__rate_interval"}, ask


def test_one_colour_has_one_meaning() -> None:
    meanings: dict[str, set[str]] = {}
    for meaning, terms in MEANINGS.items():
        for hue in terms.values():
            meanings.setdefault(hue, set()).add(meaning)
    assert {hue: found for hue, found in meanings.items() if len(found) > 1 and hue not in BASIC} == {}
    assert {hue for _, hue in STATES.values()} <= set(BASIC)


def test_a_term_has_its_colour_on_every_board() -> None:
    of_term = {term: hue for terms in MEANINGS.values() for term, hue in terms.items()}
    for board, panel in all_panels():
        for override in panel["fieldConfig"]["overrides"]:
            for one in override["properties"]:
                if (
                    one["id"] == "color"
                    and "fixedColor" in one["value"]
                    and (term := str(override["matcher"]["options"]).lower()) in of_term
                ):
                    hues = {hue for terms in MEANINGS.values() for word, hue in terms.items() if word == term}
                    assert one["value"]["fixedColor"] in hues, (board, panel["title"], term)


def test_every_priority_and_control_has_a_colour() -> None:
    assert set(colours.PRIORITY) == set(PRIORITIES)
    assert set(colours.CONTROL) == set(CONTROLS)


def test_links_lead_to_boards_and_variables_that_exist_and_keep_time_and_data_source() -> None:
    titles = {document["uid"]: document for document in BOARDS.values()}
    found = 0
    for board, panel in all_panels():
        columns = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
        for url in [node["url"] for node in walk(panel["fieldConfig"]) if isinstance(node, dict) and "url" in node]:
            found += 1
            if url == "${__value.raw}":
                # The cell is an address itself: that of a runbook.
                continue
            target = titles[urlsplit(url).path.removeprefix("/d/")]
            variables = {f"var-{variable['name']}" for variable in target["templating"]["list"]}
            given = {name for name, _ in parse_qsl(urlsplit(url).query)}
            assert given <= variables, (board, panel["title"], given - variables)
            for kept in ("${__url_time_range}", "${datasource:queryparam}", "${cluster:queryparam}"):
                assert kept in url
            for column in re.findall(r'\$\{__data\.fields\["([^"]+)"\]\}', url):
                assert column in columns, (board, panel["title"], column)
    assert found > 10
    for document in BOARDS.values():
        (linked,) = document["links"]
        assert (linked["tags"], linked["includeVars"], linked["keepTime"]) == (["threatboard"], True, True)


def test_a_link_sets_what_it_is_told_and_keeps_the_rest() -> None:
    assert link("ids", node="n1") == (
        "/d/threatboard-ids?var-node=n1&${datasource:queryparam}&${cluster:queryparam}&${__url_time_range}"
    )


@pytest.mark.parametrize("name", BOARDS)
def test_firing_alerts_and_changes_are_marked_on_every_board(name: str) -> None:
    marks = {mark["name"]: mark for mark in BOARDS[name]["annotations"]["list"]}
    assert set(marks) == {"Firing alerts", "Tuning changes", "Policy changes"}
    assert all(mark["enable"] and mark["target"]["expr"] for mark in marks.values())


def test_an_investigation_begins_with_what_spoke_and_its_event_lines() -> None:
    titles = [panel["title"] for panel in BOARDS["investigate"]["panels"] if panel["type"] != "row"]
    assert titles[:3] == ["Rules that spoke", "Event lines", "Where event lines come from"]
    (words,) = [panel for panel in BOARDS["investigate"]["panels"] if panel["type"] == "text"]
    assert "/api/v1/events" in words["options"]["content"]
