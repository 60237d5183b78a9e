"""What grafanalib writes, less what Grafana 11, 12 and 13 no longer know; with ids that stay.

The key lists are those of Grafana's published types (@grafana/schema, classic model). A null stands for something only
as the open end of a threshold or of a range; anywhere else it is left out.
"""

import zlib
from typing import Any

Json = dict[str, Any]

SCHEMA_VERSION = 39
"""Grafana 11.0's: 11 reads it as it is, 12 and 13 migrate it on load."""

_PANEL = frozenset(
    (
        *("datasource", "description", "fieldConfig", "gridPos", "id", "interval", "links", "options"),
        *("pluginVersion", "targets", "title", "transformations", "type"),
    )
)
_ROW = frozenset(["collapsed", "gridPos", "id", "panels", "title", "type"])
_DASHBOARD = frozenset(
    (
        *("annotations", "description", "editable", "graphTooltip", "links", "panels", "refresh", "schemaVersion"),
        *("tags", "templating", "time", "timepicker", "timezone", "title", "uid"),
    )
)
_VARIABLE = frozenset(
    (
        *("allValue", "current", "datasource", "hide", "includeAll", "label", "multi", "name", "query", "refresh"),
        *("regex", "sort", "type"),
    )
)
_NULLABLE = frozenset(("value", "from", "to"))


def dashboard(encoded: Json) -> Json:
    """The dashboard as Grafana 11 to 13 would write it; `encoded` is plain JSON data of grafanalib's Dashboard."""
    document = _keep(_without_nulls(encoded), _DASHBOARD)
    document["panels"] = [_panel(panel) for panel in document["panels"]]
    document["templating"] = {"list": [_variable(variable) for variable in document["templating"]["list"]]}
    document["timepicker"] = {}
    return document


def identity(title: str) -> int:
    """A panel's id, from its title: links to a panel outlive what is put before it."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def _keep(node: Json, keys: frozenset[str]) -> Json:
    return {key: value for key, value in node.items() if key in keys}


def _without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None or key in _NULLABLE}
    if isinstance(node, list):
        return [_without_nulls(value) for value in node]
    return node


def _panel(panel: Json) -> Json:
    row = panel["type"] == "row"
    kept = _keep(panel, _ROW if row else _PANEL)
    kept["id"] = identity(("row " if row else "") + panel["title"])
    if row:
        kept["panels"] = [_panel(inner) for inner in kept["panels"]]
    return kept


def _variable(variable: Json) -> Json:
    kept = {key: value for key, value in _keep(variable, _VARIABLE).items() if value != ""}
    if kept.get("includeAll"):
        kept["current"] = {"selected": True, "text": ["All"], "value": ["$__all"]}
    else:
        kept.pop("current", None)
    return kept
