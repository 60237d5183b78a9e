"""What misled those who looked at the boards, and is to stay away."""

import re

from dashboards import colours
from dashboards.fields import NO_DATA
from dashboards.queries import NOTE
from tests.dashboards.grafana import all_panels, asks, walk

SENTENCE = re.compile(r', "(\w+)", "[A-Z][a-z]+( [^"]*)?", "", ""\)')
"""The end of a label_replace() that writes a sentence into a label."""


def test_a_sentence_is_no_rule_pod_or_node_and_leads_nowhere() -> None:
    noted = [ask for ask in asks() if f'"{NOTE}"' in ask.target["expr"]]
    assert len(noted) >= 12
    for ask in noted:
        assert {match[1] for match in SENTENCE.finditer(ask.target["expr"])} <= {NOTE, "check", "then"}, ask
        links = [
            one
            for one in ask.panel["fieldConfig"]["overrides"]
            if one["matcher"]["options"] == "Note" and "links" in str(one["properties"])
        ]
        assert links == [], ask


def test_small_rates_are_not_written_in_thousandths() -> None:
    for board, panel in all_panels():
        assert "pps" not in list(walk(panel["fieldConfig"])), "Grafana writes mp/s"
        if panel["fieldConfig"]["defaults"]["unit"] == "bps":
            assert all(target["expr"].startswith("ceil(") for target in panel["targets"]), (board, panel["title"])


def test_names_beside_low_bars_are_no_larger_than_the_room_that_grafana_measures() -> None:
    bars = [panel for _, panel in all_panels() if panel["type"] == "bargauge"]
    assert bars
    assert all(panel["options"]["text"]["titleSize"] <= 12 for panel in bars)


def test_where_nobody_tells_a_cell_alarms() -> None:
    silent = [
        override["properties"]
        for _, panel in all_panels()
        for override in panel["fieldConfig"]["overrides"]
        if {"id": "noValue", "value": NO_DATA} in override["properties"]
    ]
    assert silent
    for properties in silent:
        (mappings,) = [one["value"] for one in properties if one["id"] == "mappings"]
        assert mappings[-1]["options"]["result"]["color"] == colours.BAD


def test_graphs_on_one_time_line_have_a_legend_of_one_width_whatever_they_show() -> None:
    tracks = [panel for board, panel in all_panels() if board == "investigate" and panel["type"] == "timeseries"]
    assert {panel["options"]["legend"]["width"] for panel in tracks} == {380}
    assert all("allIsZero" not in str(panel["fieldConfig"]["overrides"]) for panel in tracks)


def test_words_that_stand_for_no_name_are_not_what_a_link_looks_for() -> None:
    for board, panel in all_panels():
        for override in panel["fieldConfig"]["overrides"]:
            properties = {one["id"]: one["value"] for one in override["properties"]}
            if "links" in properties and properties.get("noValue") in ("(node)", ""):
                assert "${__value.raw}" in properties["links"][0]["url"], (board, panel["title"])


def test_little_on_a_right_axis_does_not_look_like_much() -> None:
    right = [
        {one["id"]: one["value"] for one in override["properties"]}
        for _, panel in all_panels()
        for override in panel["fieldConfig"]["overrides"]
        if {"id": "custom.axisPlacement", "value": "right"} in override["properties"]
    ]
    assert {axis["unit"] for axis in right if "custom.axisSoftMax" not in axis} == {"s"}
