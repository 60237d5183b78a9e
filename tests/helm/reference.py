"""What the chart says of its values in other places, made from values.yaml and values.schema.json: the table in its
README, and files/defaults.yaml, from which templates fill in what is missing; and files/limits.yaml, what the
exporter's own description of its settings says that the schema cannot.

    python -m tests.helm.reference      writes all three

A row is a value that a person sets: a leaf of the schema, or a list or mapping whose content is the user's.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from exporter.config import Config
from exporter.config.schema import Matching
from exporter.config.schema import rows as settings
from tests.helm.chart import CHART

README, DEFAULTS, LIMITS = CHART / "README.md", CHART / "files/defaults.yaml", CHART / "files/limits.yaml"
BEGIN, END = "<!-- values: written by make generate -->\n", "<!-- end of values -->\n"


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
        elif prefix + name not in ("global", "enabled"):
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


def fallbacks() -> str:
    """files/defaults.yaml: by path, what a value is that is missing or was emptied."""
    empty = {"object": dict, "array": list}
    found = {}
    for row in rows(schema(), defaults()):
        kind = str(row.schema.get("type"))
        found[row.path] = empty[kind]() if kind in empty else row.default
    head = "# Written by make generate from values.yaml; null: the exporter's own default.\n"
    return head + yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def limits() -> str:
    """files/limits.yaml: from where to where a setting may go, and what a `match` may name."""
    longest: dict[str, tuple[str, str]] = {
        "size": ("0", "1GiB"),
        "duration": ("0s", "366d"),
        "number": ("0", "1000000000"),
    }
    ranges: dict[str, dict[str, Any]] = {}
    labels: dict[str, dict[str, Any]] = {}
    for row in settings(Config):
        section, _, name = row.path.partition(".")
        kind = row.setting.kind
        if kind.name in longest:
            least, most = longest[kind.name]
            about = {"kind": kind.name, "least": row.setting.at_least or least, "most": most}
            ranges.setdefault(section, {})[name] = about
        elif isinstance(kind, Matching):
            names = {label: [*filter(None, kind.closed.get(label, ()))] for label in [*kind.closed, *kind.names]}
            labels[section] = {"open": not kind.names, "names": names}
    head = "# Written by make generate from the exporter's settings.\n"
    return head + yaml.safe_dump({"ranges": ranges, "labels": labels}, sort_keys=False)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    DEFAULTS.write_text(fallbacks(), encoding="utf-8")
    LIMITS.write_text(limits(), encoding="utf-8")
