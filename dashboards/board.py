"""What a board is made of: rows of panels, variables, and links that keep time and variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": "${loki}"}

COLUMNS = 24
"""Width of Grafana's grid; a unit of height is about 38 pixels."""


@dataclass(frozen=True)
class About:
    """A panel's description: what it shows, what normal looks like, and what to do when it does not look so."""

    shows: str
    normal: str
    then: str

    def text(self, origin: str) -> str:
        """As Markdown; `origin` says where the numbers come from."""
        return f"{self.shows}\n\n**Normal:** {self.normal}\n\n**If not:** {self.then}\n\n**From:** {origin}"


@dataclass(frozen=True)
class Panel:
    """A panel before it has a place; `body` is in Grafana's own JSON."""

    title: str
    description: str
    body: Json
    width: int
    height: int
    datasource: Mapping[str, str] = field(default_factory=lambda: PROMETHEUS)


@dataclass(frozen=True)
class Row:
    """Panels under a heading; those that do not fit in a line go to the next."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False

    def places(self, top: int) -> list[tuple[Panel, int, int]]:
        """Each panel with its x and y, the heading being at y = `top`."""
        found, x, y, tallest = [], 0, top + 1, 0
        for panel in self.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            found.append((panel, x, y))
            x, tallest = x + panel.width, max(tallest, panel.height)
        return found

    def bottom(self, top: int) -> int:
        """The first free line below the row when its heading is at y = `top`."""
        if self.collapsed:
            return top + 1
        return max(y + panel.height for panel, _, y in self.places(top))


def row(title: str, *panels: Panel, collapsed: bool = False) -> Row:
    """Panels under a heading."""
    return Row(title, panels, collapsed)


@dataclass(frozen=True)
class Variable:
    """What people choose from; `query` is `label_values(...)` or `query_result(...)`."""

    name: str
    label: str
    query: str
    regex: str = ""


@dataclass(frozen=True)
class Board:
    """A dashboard. `loki` gives it a variable for that data source too."""

    name: str
    title: str
    about: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    span: str = "now-3h"
    loki: bool = False

    @property
    def uid(self) -> str:
        return f"threatboard-{self.name}"


def link(board: str, *keep: str, **variables: str) -> str:
    """The address of another board with time, data source, cluster and what to `keep` as they are, and these set.

    A value can be Grafana's: `${__value.text}`, or `${__data.fields["Namespace"]}` for another cell of the row.
    """
    chosen = "&".join(f"var-{name}={value}" for name, value in variables.items())
    kept = "${datasource:queryparam}&${cluster:queryparam}&${__url_time_range}"
    kept = "".join(f"${{{name}:queryparam}}&" for name in keep) + kept
    return f"/d/threatboard-{board}?{chosen}&{kept}" if chosen else f"/d/threatboard-{board}?{kept}"
