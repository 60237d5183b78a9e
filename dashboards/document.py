"""A board's JSON: its panels in their places, rows, variables, links and marks. The only file that imports grafanalib.

grafanalib's own panel classes write the shapes of Grafana 6 to 9, so a panel here is its plain `Panel` with a body from
`dashboards/style.py`; rows, variables, links and the dashboard are its classes. `dashboards/modern.py` takes out what
is dead.
"""

import json
from collections.abc import Sequence
from typing import Any

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from dashboards import modern
from dashboards.board import COLUMNS, PROMETHEUS, Board, Json, Panel, Row, Variable
from dashboards.queries.events import ANNOTATIONS


class _Drawn(core.Panel):  # type: ignore[misc]
    """A panel whose body is ready."""

    def to_json_data(self) -> Any:
        return self.panel_json(self.extraJson)


def of(board: Board) -> Json:
    """The board's JSON, as Grafana 11 to 13 read it."""
    links = [core.DashboardLink(title="Boards", type="dashboards", tags=["threatboard"], includeVars=True)]
    dashboard = core.Dashboard(
        title=board.title,
        uid=board.uid,
        description=board.about,
        tags=["threatboard"],
        editable=False,
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        refresh="1m",
        timezone="browser",
        time=core.Time(board.span, "now"),
        schemaVersion=modern.SCHEMA_VERSION,
        links=links,
        templating=core.Templating(list=[*_datasources(board), *map(_variable, board.variables)]),
        annotations=core.Annotations(list=[dict(one, datasource=PROMETHEUS) for one in ANNOTATIONS]),
        panels=list(_placed(board.rows)),
    )
    return modern.dashboard(json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder)))


def _datasources(board: Board) -> list[Any]:
    found = [core.Template(name="datasource", label="Data source", type="datasource", query="prometheus")]
    if board.loki:
        found.append(core.Template(name="loki", label="Loki data source", type="datasource", query="loki"))
    return found


def _variable(variable: Variable) -> Any:
    return core.Template(
        name=variable.name,
        label=variable.label,
        query=variable.query,
        regex=variable.regex,
        dataSource=PROMETHEUS,
        type="query",
        refresh=2,
        sort=1,
        multi=True,
        includeAll=True,
        allValue=".*",
    )


def _placed(rows: Sequence[Row]) -> list[Any]:
    found, top = [], 0
    for row in rows:
        place = core.GridPos(h=1, w=COLUMNS, x=0, y=top)
        heading = core.RowPanel(title=row.title, gridPos=place, collapsed=row.collapsed)
        panels = [_drawn(panel, x, y) for panel, x, y in row.places(top)]
        if row.collapsed:
            heading.panels = panels
        found += [heading] if row.collapsed else [heading, *panels]
        top = row.bottom(top)
    return found


def _drawn(panel: Panel, x: int, y: int) -> Any:
    return _Drawn(
        title=panel.title,
        description=panel.description,
        dataSource=panel.datasource,
        gridPos=core.GridPos(h=panel.height, w=panel.width, x=x, y=y),
        extraJson=panel.body,
    )
