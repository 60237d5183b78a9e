"""Options of each kind of panel, in the shape that Grafana 11 to 13 write themselves."""

from dashboards.board import Json

PLUGIN_VERSION = "11.0.0"
PALETTE = {"mode": "palette-classic"}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_LEGEND = {"displayMode": "table", "placement": "right", "showLegend": True}

STAT: Json = {
    "reduceOptions": _LAST,
    "colorMode": "value",
    "graphMode": "none",
    "justifyMode": "center",
    "orientation": "auto",
    "textMode": "auto",
}
# Grafana measures the room for names at a size of 12 where bars are low: larger ones are cut.
BARS: Json = {
    "reduceOptions": _LAST,
    "displayMode": "basic",
    "orientation": "horizontal",
    "showUnfilled": True,
    "text": {"titleSize": 12, "valueSize": 13},
    "valueMode": "text",
}
PIE: Json = {
    "pieType": "donut",
    "reduceOptions": _LAST,
    "displayLabels": [],
    "legend": {**_LEGEND, "values": ["value", "percent"]},
    "tooltip": {"mode": "single", "sort": "none"},
}
HEATMAP: Json = {
    "calculate": False,
    "cellGap": 1,
    "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "fill": "blue", "exponent": 0.5, "reverse": False},
    "filterValues": {"le": 1e-9},
    "legend": {"show": True},
    "rowsFrame": {"layout": "auto"},
    "showValue": "never",
    "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
}
LOGS: Json = {
    "dedupStrategy": "none",
    "enableLogDetails": True,
    "prettifyLogMessage": False,
    "showCommonLabels": False,
    "showLabels": False,
    "showTime": True,
    "sortOrder": "Descending",
    "wrapLogMessage": True,
}

_NARROW, _HALF = 8, 14
"""Up to these widths a legend beside the drawing leaves it no room; in half of the board there is some for numbers."""


def lines(stacked: bool, limit: bool, area: bool, aligned: bool) -> Json:
    """How values over time are drawn."""
    custom: Json = {
        "drawStyle": "line",
        "fillOpacity": 35 if stacked else 15 if area else 0,
        "lineWidth": 1 if stacked else 2,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "axisSoftMin": 0,
        "thresholdsStyle": {"mode": "dashed" if limit else "off"},
    }
    if aligned:
        custom["axisWidth"] = 80
    return custom


_LEAST = {"none": 5, "mps": 1, "percentunit": 1}


def least(unit: str) -> Json:
    """How far a right axis reaches at least: next to nothing is not to look like as much as on the left."""
    return {"custom.axisSoftMax": _LEAST[unit]} if unit in _LEAST else {}


def legend(width: int, aligned: bool) -> Json:
    """The options of values over time: a table of the last and largest values, largest first."""
    shown: Json = {**_LEGEND, "calcs": ["lastNotNull", "max"], "sortBy": "Max", "sortDesc": True}
    if width <= _HALF:
        shown |= {"displayMode": "list", "placement": "bottom", "calcs": [] if width <= _NARROW else ["max"]}
    if aligned:
        shown["width"] = 380
    return {"legend": shown, "tooltip": {"mode": "multi", "sort": "desc"}}
