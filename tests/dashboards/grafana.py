"""The walks over the boards' JSON that their tests share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards import boards, document
from dashboards.board import Json

BOARDS = {board.name: document.of(board) for board in boards()}
"""Every board's JSON, by name."""


@dataclass(frozen=True)
class Asks:
    """One query of one panel."""

    board: str
    panel: Json
    target: Json

    def __str__(self) -> str:
        return f"{self.board}: {self.panel['title']}: {self.target['refId']}"


def panels(document: Json) -> Iterator[Json]:
    """Every panel that shows data, those in collapsed rows too; no rows, and no panels of mere words."""
    for panel in document["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        elif panel["type"] != "text":
            yield panel


def all_panels() -> list[tuple[str, Json]]:
    """(board, panel) of all boards."""
    return [(name, panel) for name, document in BOARDS.items() for panel in panels(document)]


def asks() -> list[Asks]:
    """Every query to Prometheus of all boards."""
    return [
        Asks(board, panel, target)
        for board, panel in all_panels()
        for target in panel["targets"]
        if target["datasource"]["type"] == "prometheus"
    ]


def variable_queries() -> list[tuple[str, str]]:
    """(where, PromQL) of every variable that is queried."""
    return [
        (f"{name}: ${variable['name']}", promql_of(variable["query"]))
        for name, document in BOARDS.items()
        for variable in document["templating"]["list"]
        if variable["type"] == "query"
    ]


def beside_panels() -> dict[str, str]:
    """Where -> PromQL, of every variable and annotation."""
    expressions = dict(variable_queries())
    for name, board in BOARDS.items():
        for mark in board["annotations"]["list"]:
            expressions[f"{name}: {mark['name']}"] = mark["target"]["expr"]
    return expressions


def promql_of(query: str) -> str:
    """The PromQL in `label_values(metric, label)` or `query_result(expression)`."""
    if match := re.fullmatch(r"label_values\((.+), \w+\)", query):
        return match.group(1)
    match = re.fullmatch(r"query_result\((.+)\)", query)
    assert match, f"neither label_values(metric, label) nor query_result(expression): {query}"
    return match.group(1)


def walk(node: Any) -> Iterator[Any]:
    """The node and everything below it."""
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)
