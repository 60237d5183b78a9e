"""Boards have no field that the published types of Grafana 11, 12 or 13 do not know: Grafana drops it, or breaks.

The table holds what the boards use and all three know (@grafana/schema 11.6, 12.4 and 13.2). A field that is new is
looked up there first, and then added.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.board import Json
from tests.dashboards.grafana import BOARDS, walk

KNOWN: dict[str, str] = {
    "": "annotations description editable graphTooltip links refresh schemaVersion "
    "tags templating time timepicker timezone title uid",
    "annotations": "list",
    "annotations.list": "datasource enable hide iconColor name target",
    "annotations.list.datasource": "type uid",
    "annotations.list.target": "refId",
    "bargauge options": "displayMode orientation reduceOptions showUnfilled text valueMode",
    "bargauge options.reduceOptions": "calcs fields values",
    "bargauge options.text": "titleSize valueSize",
    "field": "color decimals fieldMinMax links mappings max min noValue thresholds unit",
    "field.color": "fixedColor mode",
    "field.links": "title url",
    "field.mappings": "options type",
    "field.mappings.options.*": "color index text",
    "field.thresholds": "mode steps",
    "field.thresholds.steps": "color value",
    "heatmap custom": "scaleDistribution",
    "heatmap custom.scaleDistribution": "type",
    "heatmap options": "calculate cellGap color filterValues legend rowsFrame showValue tooltip yAxis",
    "heatmap options.color": "exponent fill mode reverse scheme steps",
    "heatmap options.filterValues": "le",
    "heatmap options.legend": "show",
    "heatmap options.rowsFrame": "layout",
    "heatmap options.tooltip": "mode showColorScale yHistogram",
    "heatmap options.yAxis": "axisPlacement reverse unit",
    "links": "asDropdown icon includeVars keepTime tags targetBlank title tooltip type url",
    "logs options": "dedupStrategy enableLogDetails prettifyLogMessage showCommonLabels "
    "showLabels showTime sortOrder wrapLogMessage",
    "matcher": "id options",
    "matcher.options": "op reducer value",
    "panel": "datasource description gridPos id interval links pluginVersion targets title transformations type",
    "panel.datasource": "type uid",
    "panel.gridPos": "h w x y",
    "panel.targets": "datasource editorMode expr format instant legendFormat queryType range refId",
    "panel.targets.datasource": "type uid",
    "panel.transformations": "id options",
    "panel.transformations.options": "excludeByName indexByName renameByName",
    "piechart options": "displayLabels legend pieType reduceOptions tooltip",
    "piechart options.legend": "displayMode placement showLegend values",
    "piechart options.reduceOptions": "calcs fields values",
    "piechart options.tooltip": "mode sort",
    "row": "collapsed gridPos id title type",
    "row.gridPos": "h w x y",
    "stat options": "colorMode graphMode justifyMode orientation reduceOptions textMode",
    "stat options.reduceOptions": "calcs fields values",
    "table custom": "align cellOptions inspect width",
    "table custom.cellOptions": "mode type",
    "table options": "cellHeight showHeader sortBy",
    "table options.sortBy": "desc displayName",
    "templating": "list",
    "templating.list": "allValue current datasource hide includeAll label multi name query refresh regex sort type",
    "templating.list.current": "selected text value",
    "templating.list.datasource": "type uid",
    "text options": "content mode",
    "time": "from to",
    "timeseries custom": "axisLabel axisPlacement axisSoftMax axisSoftMin axisWidth drawStyle fillOpacity "
    "gradientMode hideFrom lineWidth showPoints spanNulls stacking thresholdsStyle",
    "timeseries custom.hideFrom": "legend tooltip viz",
    "timeseries custom.stacking": "group mode",
    "timeseries custom.thresholdsStyle": "mode",
    "timeseries options": "legend tooltip",
    "timeseries options.legend": "calcs displayMode placement showLegend sortBy sortDesc width",
    "timeseries options.tooltip": "mode sort",
}
"""Place -> the fields that may stand there. `custom` and `options` are a kind of panel's own."""

OF_THE_DATA_SOURCE = {"annotations.list": {"titleFormat", "textFormat"}, "annotations.list.target": {"expr"}}
"""The types leave to a data source what it puts here. Prometheus' reads these, and without them a mark says nothing."""

NAMED = ("mappings.options", "excludeByName", "indexByName", "renameByName")
"""Ends of places whose fields are names: of values, or of columns."""


def _parts(panel: Json) -> Iterator[tuple[str, Any]]:
    """The panel in pieces with the place of each: an override is of the same fields as the defaults."""
    kind, config = panel["type"], panel.get("fieldConfig", {})
    apart = ("options", "fieldConfig", "panels")
    yield "row" if kind == "row" else "panel", {name: value for name, value in panel.items() if name not in apart}
    yield f"{kind} options", panel.get("options", {})
    settings = [(name, value) for name, value in config.get("defaults", {}).items() if name != "custom"]
    settings += [(f"custom.{name}", value) for name, value in config.get("defaults", {}).get("custom", {}).items()]
    for override in config.get("overrides", ()):
        yield "matcher", override["matcher"]
        settings += [(one["id"], one["value"]) for one in override["properties"]]
    for name, value in settings:
        own = name.startswith("custom.")
        yield f"{kind} custom" if own else "field", {name.removeprefix("custom."): value}


def _fields(place: str, node: Any) -> Iterator[tuple[str, str]]:
    """(place, field) of everything below a node."""
    if isinstance(node, list):
        for item in node:
            yield from _fields(place, item)
    elif isinstance(node, dict):
        named = place.endswith(NAMED)
        for name, value in node.items():
            if not named:
                yield place, name
            yield from _fields(f"{place}.{'*' if named else name}", value)


def _strangers(board: Json) -> list[str]:
    parts = [("", {name: value for name, value in board.items() if name != "panels"})]
    parts += [
        part for node in walk(board["panels"]) if isinstance(node, dict) and "gridPos" in node for part in _parts(node)
    ]
    found = {(place.removeprefix("."), name) for part in parts for place, name in _fields(*part)}
    known = {place: {*names.split(), *OF_THE_DATA_SOURCE.get(place, ())} for place, names in KNOWN.items()}
    return sorted(f"{place}: {name}" for place, name in found if name not in known.get(place, ()))


@pytest.mark.parametrize("name", BOARDS)
def test_no_field_is_unknown_to_grafana(name: str) -> None:
    assert _strangers(BOARDS[name]) == []
