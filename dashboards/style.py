"""The house style: what each kind of panel looks like, in the shape of Grafana's own JSON.

Sizes are (width, height) in Grafana's grid.
"""

from collections.abc import Mapping, Sequence

from dashboards import shapes, sources
from dashboards.board import COLUMNS, LOKI, PROMETHEUS, About, Json, Panel
from dashboards.colours import BAD, FAULT, GOOD, NEUTRAL
from dashboards.fields import (
    COUNTED,
    NO_DATA,
    Column,
    Says,
    along,
    hues,
    nothing,
    override,
    quiet_in_legend,
    steps,
    words,
)
from dashboards.queries import NO_RULES, NOTE, Query

Colours = Mapping[str, str]
"""Legend, or cell -> colour."""

Limits = Mapping[float, str]
"""Value -> colour from there on."""


def timeseries(
    title: str,
    about: About,
    *queries: Query,
    unit: str,
    width: int = 12,
    height: int = 8,
    stacked: bool = False,
    colours: Colours | None = None,
    right: Mapping[str, str] | None = None,
    limit: float | None = None,
    area: bool = False,
    aligned: bool = False,
    zeros: bool = False,
    axis: str = "",
    limits: Limits | None = None,
) -> Panel:
    """Values over time. `right` has legend -> unit of the series on the right axis; `limit` is a dashed line.

    `colours` are of single series; the others have the palette's. `axis` is written along the left axis. Series that
    are 0 throughout are in no legend unless `zeros` mean something. `stacked` values add up; an `area` does not.
    Where there are `limits`, the line has the colour of its value. `aligned` fixes the widths beside the drawing, so
    that panels below each other share their time line.
    """
    custom = shapes.lines(stacked, limit is not None, area, aligned)
    defaults: Json = {"unit": unit, "min": 0, "color": shapes.PALETTE, "custom": custom}
    defaults["thresholds"] = steps({} if limit is None else {limit: BAD}, calm="transparent")
    if limits:
        defaults |= {"thresholds": steps(limits, NEUTRAL), "color": {"mode": "thresholds"}}
        # Points would have the colour of the highest value.
        custom |= {"gradientMode": "scheme", "showPoints": "never"}
    alone: Json = {"custom.axisPlacement": "right", "custom.stacking": {"mode": "none", "group": "A"}}
    alone |= {"custom.fillOpacity": 0, "custom.lineWidth": 2}
    apart = [override(name, {"unit": its, **alone, **shapes.least(its)}) for name, its in (right or {}).items()]
    overrides = [*hues(colours or {}), *([along(axis)] if axis else []), *apart]
    overrides += [] if zeros else [quiet_in_legend()]
    options = shapes.legend(width, aligned)
    return _panel("timeseries", title, about, queries, (width, height), defaults, options, overrides, interval="1m")


def stat(
    title: str,
    about: About,
    *queries: Query,
    unit: str = "none",
    width: int = 4,
    height: int = 4,
    limits: Limits | None = None,
    says: Says | None = None,
    colours: Colours | None = None,
) -> Panel:
    """One number for each query, in the colour of its threshold; `says` has words for values that are no measure."""
    defaults: Json = {"unit": unit, "color": {"mode": "thresholds"}}
    defaults["mappings"] = [*words({**COUNTED, **(says or {})}), nothing(NO_DATA)]
    defaults["thresholds"] = steps(limits)
    if unit == "none":
        defaults["decimals"] = 0
    options = {**shapes.STAT, "textMode": "value_and_name" if len(queries) > 1 else "value"}
    size = (width, height)
    return _panel("stat", title, about, queries, size, defaults, options, hues(colours or {}), instant=True, terse=True)


def tile(title: str, about: About, query: Query, says: Says, width: int = 4, height: int = 4, to: str = "") -> Panel:
    """A state: the word of the query's value on its colour; `to` is the board that a click opens."""
    defaults: Json = {"unit": "none", "thresholds": steps(), "color": {"mode": "thresholds"}}
    defaults["mappings"] = [*words(says), nothing(NO_DATA)]
    if to:
        defaults["links"] = [{"title": "Open the board", "url": to}]
    options = {**shapes.STAT, "colorMode": "background", "textMode": "value"}
    return _panel("stat", title, about, (query,), (width, height), defaults, options, instant=True, terse=True)


def bars(
    title: str,
    about: About,
    *queries: Query,
    unit: str = "none",
    width: int = 8,
    height: int = 8,
    colours: Colours | None = None,
    limits: Limits | None = None,
    hue: str = "",
    most: float | None = None,
) -> Panel:
    """A horizontal bar for each series: in its own colour, all in one `hue`, or in that of their `limits`."""
    colour: Json = {"mode": "fixed", "fixedColor": hue} if hue else shapes.PALETTE
    defaults: Json = {"unit": unit, "min": 0, "color": {"mode": "thresholds"} if limits else colour}
    defaults["thresholds"] = steps(limits, GOOD)
    defaults["mappings"] = [*words(COUNTED), nothing(NO_DATA)]
    defaults["decimals"] = 0 if unit == "none" else 1
    if most is not None:
        defaults["max"] = most
    overrides = hues(colours or {})
    return _panel("bargauge", title, about, queries, (width, height), defaults, shapes.BARS, overrides, instant=True)


def pie(
    title: str,
    about: About,
    *queries: Query,
    width: int = 8,
    height: int = 8,
    colours: Colours | None = None,
    to: str = "",
) -> Panel:
    """Parts of a whole, with their numbers; `to` is where a part leads."""
    defaults: Json = {"unit": "none", "decimals": 0, "color": shapes.PALETTE}
    if to:
        defaults["links"] = [{"title": "Look closer", "url": to}]
    overrides = hues({**(colours or {}), "/^No /": NEUTRAL, NO_RULES: FAULT})
    return _panel("piechart", title, about, queries, (width, height), defaults, shapes.PIE, overrides, instant=True)


def table(
    title: str,
    about: About,
    labels: Mapping[str, Column],
    *values: tuple[Query, Column],
    width: int = 12,
    height: int = 9,
    sort: Sequence[str] = (),
) -> Panel:
    """A column for each label, then one for each query; rows whose labels are equal are joined. `sort`: most first.

    Where a query has a sentence in place of rows, it has a column of its own.
    """
    alone = len(values) == 1
    names = ["Value" if alone else f"Value #{_ref(number)}" for number in range(len(values))]
    noted = any(f'"{NOTE}"' in query.expr for query, _ in values)
    columns = {
        **({NOTE: Column("Note")} if noted else {}),
        **labels,
        **dict(zip(names, (column for _, column in values), strict=True)),
    }
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: place for place, name in enumerate(columns)},
        "renameByName": {name: column.title for name, column in columns.items()},
    }
    defaults: Json = {"unit": "none", "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}}
    defaults["thresholds"] = steps()
    options = {"cellHeight": "sm", "showHeader": True, "sortBy": [{"displayName": name, "desc": True} for name in sort]}
    overrides = [override(column.title, column.properties()) for column in columns.values()]
    queries = [query for query, _ in values]
    size = (width, height)
    panel = _panel("table", title, about, queries, size, defaults, options, overrides, instant=True, form="table")
    organized = {"id": "organize", "options": organize}
    panel.body["transformations"] = [organized] if alone else [{"id": "merge", "options": {}}, organized]
    return panel


def heatmap(title: str, about: About, query: Query, unit: str, width: int = 12, height: int = 8) -> Panel:
    """How many of each size over time; the query's series are the buckets of a histogram."""
    options = {**shapes.HEATMAP, "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False}}
    defaults = {"unit": unit, "custom": {"scaleDistribution": {"type": "linear"}}}
    return _panel("heatmap", title, about, (query,), (width, height), defaults, options, form="heatmap", interval="1m")


def logs(title: str, about: About, query: Query, origin: str, width: int = COLUMNS, height: int = 12) -> Panel:
    """Lines from Loki, newest first; needs the board's Loki variable. `origin` says where the lines come from."""
    body: Json = {"type": "logs", "options": shapes.LOGS, "pluginVersion": shapes.PLUGIN_VERSION}
    body["fieldConfig"] = {"defaults": {"unit": "none", "thresholds": steps()}, "overrides": []}
    body["targets"] = [{"datasource": LOKI, "expr": query.expr, "refId": "A", "queryType": "range"}]
    return Panel(title, about.text(origin), body, width, height, LOKI)


def text(title: str, markdown: str, width: int, height: int) -> Panel:
    """Words that stand on the board."""
    body: Json = {"type": "text", "options": {"mode": "markdown", "content": markdown}}
    body["pluginVersion"] = shapes.PLUGIN_VERSION
    return Panel(title, "", body, width, height)


def _ref(number: int) -> str:
    return chr(ord("A") + number)


def _panel(
    kind: str,
    title: str,
    about: About,
    queries: Sequence[Query],
    size: tuple[int, int],
    defaults: Json,
    options: Json,
    overrides: Sequence[Json] = (),
    instant: bool = False,
    form: str = "time_series",
    interval: str = "",
    terse: bool = False,
) -> Panel:
    expressions = [query.expr for query in queries]
    body: Json = {"type": kind, "options": options, "pluginVersion": shapes.PLUGIN_VERSION}
    none = NO_DATA if terse else sources.missing(expressions)
    body["fieldConfig"] = {
        "defaults": {"thresholds": steps(), **defaults, "noValue": none},
        "overrides": list(overrides),
    }
    body["targets"] = [
        {
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "expr": query.expr,
            "format": form,
            "instant": instant,
            "legendFormat": query.legend or "__auto",
            "range": not instant,
            "refId": _ref(number),
        }
        for number, query in enumerate(queries)
    ]
    if interval:
        body["interval"] = interval
    return Panel(title, about.text(sources.origin(expressions)), body, *size)
