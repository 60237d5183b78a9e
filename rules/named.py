"""What the page of an alert names exists: alerts, metrics, labels, values, settings and boards, in code and prose."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from exporter import catalog
from exporter.config import Config
from exporter.config.schema import rows
from rules.promql import Series, known
from rules.tree import ROOT, Tree

REPOSITORY = ROOT.parent
PROGRAMS = ("apt-get", "cilium", "cilium-dbg", "helm", "hubble", "kubectl", "ps", "tar", "threatboard")
"""What a command in a page may begin with."""

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\([^)]*\)")
_VALUE = re.compile(r"(=|: ).*", re.DOTALL)
_ALERT = re.compile(r"\b(?:Correlated|Coverage|Drill|Host|Ids|Network|Platform|Waf)[A-Z]\w+")
_JOINED = re.compile(r"(?<![\w/.])[a-z]+(?:_[a-z0-9]+)+\b")
_BOARD = re.compile(r"\bthreatboard-([a-z]+)\b")


@dataclass(frozen=True)
class Words:
    """Everything that a page may name: single words, and the ends of recordings' names, such as `:avg1d`."""

    all: frozenset[str]
    ends: frozenset[str]


def words(tree: Tree, more: frozenset[str]) -> Words:
    """The vocabulary of these rules, of the exporter, its chart and its boards, and of the programs beside them."""
    external = [tree.root / "external.yaml", REPOSITORY / "dashboards" / "external.yaml"]
    series: Mapping[str, Series] = known(external[0], tree.recordings) | known(external[1], ())
    found = {alert.name for alert in tree.alerts} | set(series) | set(catalog.METRICS) | set(catalog.REJECT_REASONS)
    found |= set(catalog.FALCO_SOURCES)
    for one in series.values():
        found |= one.labels | {value for values in one.values.values() for value in values}
    found |= _settings() | _chart() | more
    foreign = yaml.safe_load((tree.root / "foreign.yaml").read_text(encoding="utf-8"))["words"]
    found |= {word for theirs in foreign.values() for word in theirs}
    return Words(frozenset(found), frozenset(":" + rule.name.rpartition(":")[2] for rule in tree.recordings))


def _settings() -> set[str]:
    """The exporter's settings and their sections."""
    paths = [row.path for row in rows(Config)]
    return {".".join(path.split(".")[:end]) for path in paths for end in range(1, path.count(".") + 2)}


@cache
def _chart() -> frozenset[str]:
    schema = json.loads((REPOSITORY / "helm/threatboard/values.schema.json").read_text(encoding="utf-8"))
    return frozenset(_values(schema))


def _values(schema: Any, prefix: str = "") -> Iterator[str]:
    for name, part in schema.get("properties", {}).items():
        yield prefix + name
        yield from _values(part, f"{prefix}{name}.")


def faults(text: str, vocabulary: Words) -> list[str]:
    """What a page names that does not exist; queries in its fences are looked at by `rules.promql`."""
    prose = _LINK.sub("]", _FENCE.sub("", text))
    found = [f"`{code}` is nothing that is known" for code in _CODE.findall(prose) if not _is_known(code, vocabulary)]
    prose = _CODE.sub("", prose)
    named = {*_ALERT.findall(prose), *_JOINED.findall(prose)}
    found += [f"{word} does not exist" for word in sorted(named) if word not in vocabulary.all]
    boards = {path.stem for path in Path(REPOSITORY, "helm/threatboard/files/dashboards").glob("*.json")}
    return found + [f"no board threatboard-{name}" for name in sorted(set(_BOARD.findall(prose)) - boards)]


def _is_known(code: str, vocabulary: Words) -> bool:
    name = _VALUE.sub("", code)
    return code.split()[0] in PROGRAMS or name in vocabulary.all or code in vocabulary.ends
