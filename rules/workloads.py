"""Whether an expression takes all pods of a namespace whose workload nobody knows for one workload.

Who is without a label is alike in it. So what is summed or joined by workload alone knows it, and a pod whose workload
is not known stands for itself. Sums that no alert reads may have a rest without a name.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import promql_parser as pq

from rules.promql import walk
from rules.tree import Rule, Tree

_WORKLOADS = frozenset({"workload", "source_workload", "destination_workload", "owner_name"})
_PODS = frozenset({"pod", "source_pod", "destination_pod", "k8s_pod_name"})
_APART = _PODS | {"host"}
"""What keeps apart what has no workload: the pod, or to a WAF, which knows no pods, the host that was asked for."""


def _is_of_workloads(labels: Iterable[str]) -> bool:
    return bool(_WORKLOADS & set(labels)) and not _APART & set(labels)


def _on(node: pq.BinaryExpr) -> AbstractSet[str]:
    matching = node.modifier.matching if node.modifier is not None else None
    return set(matching.labels) if matching and matching.type == pq.LabelModifierType.Include else set()


def knows(node: object, sure: AbstractSet[str]) -> bool:
    """Whether each series of a result has a workload; `sure` are the recordings of which each has."""
    match node:
        case pq.VectorSelector():
            matchers = node.matchers.matchers
            told = any(m.name in _WORKLOADS and m.op == pq.MatchOp.NotEqual and not m.value for m in matchers)
            # An owner of a kind that is asked for has a name, of which the workload's is made.
            return told or any(m.name == "owner_kind" for m in matchers) or node.name in sure
        case pq.MatrixSelector():
            return knows(node.vector_selector, sure)
        case pq.Call():
            vectors = [arg for arg in node.args if not isinstance(arg, pq.NumberLiteral | pq.StringLiteral)]
            return bool(vectors) and knows(vectors[0], sure)
        case pq.BinaryExpr():
            return _operation_knows(node, sure)
        case pq.AggregateExpr() | pq.ParenExpr() | pq.SubqueryExpr() | pq.UnaryExpr():
            return knows(node.expr, sure)
    return False


def _operation_knows(node: pq.BinaryExpr, sure: AbstractSet[str]) -> bool:
    left, right = knows(node.lhs, sure), knows(node.rhs, sure)
    if str(node.op) == "or":
        return left and right
    if str(node.op) == "unless":
        return left
    return left or (right and bool(_WORKLOADS & _shared(node)))


def _shared(node: pq.BinaryExpr) -> AbstractSet[str]:
    """Labels that a series of the result has as the right side has them."""
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        return _WORKLOADS
    return _on(node) | set(modifier.group_labels or ())


def _faults(expr: str, sure: AbstractSet[str]) -> list[str]:
    found = []
    for node in walk(pq.parse(expr)):
        labels: Iterable[str] = ()
        if isinstance(node, pq.AggregateExpr) and node.modifier and node.modifier.type == pq.AggModifierType.By:
            labels, known = node.modifier.labels, knows(node.expr, sure)
        elif isinstance(node, pq.BinaryExpr):
            labels, known = sorted(_on(node)), knows(node.lhs, sure) or knows(node.rhs, sure)
        if _is_of_workloads(labels) and not known:
            found.append(f"{node.op} of ({', '.join(labels)}) takes an unknown workload for one")
    return found


def _read_by_alerts(tree: Tree) -> list[Rule]:
    """The alerts, and the recordings that they read or that are read for them."""
    found: list[Rule] = []
    wanted = list(tree.alerts)
    while wanted:
        rule = wanted.pop()
        if rule not in found:
            found.append(rule)
            names = {node.name for node in walk(pq.parse(rule.expr)) if isinstance(node, pq.VectorSelector)}
            wanted += [other for other in tree.recordings if other.name in names]
    return found


def unknown_workloads(tree: Tree) -> list[str]:
    """No alert, and nothing that alerts read, takes the pods without a known workload for one."""
    sure: set[str] = {rule.name for rule in tree.recordings}
    while doubted := {
        rule.name for rule in tree.recordings if rule.name in sure and not knows(pq.parse(rule.expr), sure)
    }:
        sure -= doubted
    return [f"{rule.name}: {fault}" for rule in _read_by_alerts(tree) for fault in _faults(rule.expr, sure)]
