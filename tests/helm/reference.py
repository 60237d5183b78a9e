"""The table of values in the chart's README, made from values.yaml and values.schema.json.

    python -m tests.helm.reference      writes it

A row is a value that a person sets: a leaf of the schema, or a list or mapping whose content is the user's.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from tests.helm.chart import CHART

README = CHART / "README.md"
BEGIN, END = "<!-- values: written by python -m tests.helm.reference -->\n", "<!-- end of values -->\n"


class Row(NamedTuple):
    """One value: its path with dots, its part of the schema, and its default (None: the exporter's own)."""

    path: str
    schema: dict[str, Any]
    default: object


def schema() -> dict[str, Any]:
    """The content of values.schema.json."""
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    return found


def defaults() -> dict[str, Any]:
    """The content of values.yaml."""
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return found


def rows(part: dict[str, Any], values: Any, prefix: str = "") -> Iterator[Row]:
    """The values below a part of the schema, in its order."""
    for name, child in part["properties"].items():
        value = values.get(name) if isinstance(values, dict) else None
        if child.get("properties") and prefix + name != "dashboards.boards":
            yield from rows(child, value, f"{prefix}{name}.")
        elif prefix + name != "global":
            yield Row(prefix + name, child, value)


def table() -> str:
    """The table in Markdown."""
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for row in rows(schema(), defaults()):
        default = "–" if row.default is None else f"`{json.dumps(row.default, ensure_ascii=False)}`"
        choices = ", ".join(f"`{choice}`" for choice in row.schema.get("enum", []) if choice)
        lines.append(
            f"| `{row.path}` | {default} | {row.schema['description']}{f' One of {choices}.' if choices else ''} |"
        )
    return "\n".join(lines) + "\n"


def written(readme: str) -> str:
    """The README with the table as it should be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
