"""What an expression reads and what it leaves: names and values that nobody exports, and the labels of its result."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser as pq
import yaml

from exporter import catalog
from rules.tree import Rule

TARGET_LABELS = frozenset(catalog.TARGET_LABELS)

_LITERALS = re.compile(r"[\w ./-]*(\|[\w ./-]*)*")
_SET_OPERATORS = ("and", "unless")


@dataclass(frozen=True)
class Series:
    """What is known of a metric: its labels, and the values of those labels whose values are a closed set."""

    labels: frozenset[str]
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


def known(external: Path, recordings: tuple[Rule, ...]) -> dict[str, Series]:
    """Every metric that a rule may read: the catalog's, the allow list's in `external`, and the recordings in order."""
    series: dict[str, Series] = {}
    for metric in catalog.METRICS.values():
        closed = {label: metric.closed.get(label, catalog.LABELS[label].values) for label in metric.labels}
        told = Series(
            TARGET_LABELS | set(metric.labels),
            {label: frozenset(values) | {""} for label, values in closed.items() if values},
        )
        if metric.kind == "histogram":
            series[f"{metric.name}_bucket"] = Series(told.labels | {"le"}, told.values)
            series |= {f"{metric.name}_{part}": told for part in ("sum", "count")}
        else:
            series[metric.name] = told
    for name, entry in yaml.safe_load(external.read_text(encoding="utf-8")).items():
        labels = entry.get("labels") or {}
        series[name] = Series(
            TARGET_LABELS | set(labels),
            {label: frozenset(values) | {""} for label, values in labels.items() if values},
        )
    for rule in recordings:
        before = series.get(rule.name, Series(frozenset()))
        static = {key: before.values.get(key, frozenset()) | {value} for key, value in rule.labels.items()}
        labels_out = labels_of(pq.parse(rule.expr), series) | set(rule.labels) | before.labels
        series[rule.name] = Series(labels_out, {**before.values, **static})
    return series


def _children(node: Any) -> Iterator[Any]:
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield child
    yield from getattr(node, "args", ())


def walk(node: Any) -> Iterator[Any]:
    """The node and all nodes below it."""
    yield node
    for child in _children(node):
        yield from walk(child)


def labels_of(node: Any, series: Mapping[str, Series]) -> frozenset[str]:
    """Labels that the result of an expression can carry."""
    match node:
        case pq.VectorSelector():
            return series[node.name].labels if node.name and node.name in series else frozenset()
        case pq.MatrixSelector():
            return labels_of(node.vector_selector, series)
        case pq.AggregateExpr():
            return _aggregated(node, labels_of(node.expr, series))
        case pq.Call():
            return _called(node, series)
        case pq.BinaryExpr():
            return _joined(node, labels_of(node.lhs, series), labels_of(node.rhs, series))
        case pq.ParenExpr() | pq.SubqueryExpr() | pq.UnaryExpr():
            return labels_of(node.expr, series)
    return frozenset()


def _aggregated(node: Any, inner: frozenset[str]) -> frozenset[str]:
    if str(node.op) in ("topk", "bottomk"):
        return inner
    if node.modifier is None:
        return frozenset()
    named = frozenset(node.modifier.labels)
    return inner & named if node.modifier.type == pq.AggModifierType.By else inner - named


def _called(node: Any, series: Mapping[str, Series]) -> frozenset[str]:
    if node.func.name in ("absent", "absent_over_time"):
        selector = next(inner for inner in walk(node) if isinstance(inner, pq.VectorSelector))
        return frozenset(m.name for m in selector.matchers.matchers if m.op == pq.MatchOp.Equal)
    if node.func.name in ("label_replace", "label_join"):
        return labels_of(node.args[0], series) | {node.args[1].val}
    return frozenset().union(*(labels_of(arg, series) for arg in node.args))


def _joined(node: Any, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    operator = str(node.op)
    if operator in _SET_OPERATORS:
        return left
    if operator == "or" or node.modifier is None:
        return left | right
    match node.modifier.card:
        case pq.VectorMatchCardinality.ManyToOne:
            return left | set(node.modifier.group_labels or ())
        case pq.VectorMatchCardinality.OneToMany:
            return right | set(node.modifier.group_labels or ())
    matching = node.modifier.matching
    if matching is None:
        return left
    named = frozenset(matching.labels)
    return left & named if matching.type == pq.LabelModifierType.Include else left - named


def faults(expr: str, series: Mapping[str, Series]) -> list[str]:
    """What an expression asks for in vain: a metric, a label, or a closed value that is not there; bad syntax."""
    try:
        tree = pq.parse(expr)
    except ValueError as error:
        return [f"does not parse: {error}"]
    found: list[str] = []
    for node in walk(tree):
        if isinstance(node, pq.VectorSelector):
            found += _selector_faults(node, series)
        if isinstance(node, pq.AggregateExpr) and node.modifier is not None:
            lost = set(node.modifier.labels) - labels_of(node.expr, series) - TARGET_LABELS
            found += [f"aggregates by {label}, which nothing below it has" for label in sorted(lost)]
    return found


def _selector_faults(node: Any, series: Mapping[str, Series]) -> list[str]:
    if node.name not in series:
        return [f"no such metric: {node.name}"]
    told = series[node.name]
    found = []
    for matcher in node.matchers.matchers:
        if matcher.name not in told.labels:
            found.append(f"{node.name} has no label {matcher.name}")
        elif matcher.name in told.values:
            found += [
                f"{node.name} has no {matcher.name}={value!r}"
                for value in _asked(matcher, told.values[matcher.name])
                if value not in told.values[matcher.name]
            ]
    return found


def _asked(matcher: Any, values: frozenset[str]) -> list[str]:
    """The values that a matcher names: each alternative, or the whole pattern where it matches none of them."""
    if matcher.op in (pq.MatchOp.Equal, pq.MatchOp.NotEqual):
        return [matcher.value]
    if _LITERALS.fullmatch(matcher.value):
        return matcher.value.split("|")  # type: ignore[no-any-return]
    return [] if any(re.fullmatch(matcher.value, value) for value in values) else [matcher.value]
