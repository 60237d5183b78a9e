"""Whether an expression can fail on data: a join or a renaming that assumes what a cluster need not keep.

Prometheus refuses a whole vector, for the whole cluster, when two series of the "one" side of a join are alike in the
labels that are matched, or when two series of a result are alike altogether. Here a *key* of an expression is a set of
labels in which no two of its series are alike, whatever was scraped. Raw series have none: a second scrape of the same
target, a replaced pod or a label that somebody adds makes any two of them differ in something that nobody foresaw.
"""

from collections.abc import Iterable, Mapping

import promql_parser as pq

from rules.promql import walk
from rules.tree import Rule

Key = frozenset[str]
Keys = Mapping[str, tuple[Key, ...]]
"""Name of a recording -> its keys."""

WRITTEN_BY_USERS = ("threat:threshold", "threat:excluded", "threat:drill_namespace")
"""Recordings that people add to, and that two installations in one Prometheus both write: nothing is sure of them."""

_NOTHING: Key = frozenset()
_SETS = ("and", "unless")
_FIXED = ("vector", "absent", "absent_over_time", "time", "scalar")
_SCALARS = ("time", "scalar", "pi")
_RENAMES = ("label_replace", "label_join")


def keys_of_recordings(recordings: Iterable[Rule]) -> dict[str, tuple[Key, ...]]:
    """The keys of each recording; those of several rules of one name are told apart by the rules' own labels."""
    by_name: dict[str, list[Rule]] = {}
    for rule in recordings:
        by_name.setdefault(rule.name, []).append(rule)
    known: dict[str, tuple[Key, ...]] = {}
    for name, rules in by_name.items():
        if name in WRITTEN_BY_USERS:
            continue
        each = [keys(pq.parse(rule.expr), known) for rule in rules]
        if len(rules) == 1:
            known[name] = each[0]
        elif all(each):
            known[name] = (frozenset().union(*(rule.labels for rule in rules), *map(_all_labels, each)),)
        else:
            known[name] = ()
    return known


def keys(node: object, known: Keys) -> tuple[Key, ...]:
    """The keys of what an expression leaves; none where nothing keeps two of its series apart."""
    match node:
        case pq.NumberLiteral() | pq.StringLiteral():
            return (_NOTHING,)
        case pq.VectorSelector():
            told = {m.name for m in node.matchers.matchers if m.op == pq.MatchOp.Equal}
            return tuple(key - told for key in known.get(node.name or "", ()))
        case pq.MatrixSelector():
            return keys(node.vector_selector, known)
        case pq.AggregateExpr():
            return _of_aggregation(node, known)
        case pq.Call():
            return _of_call(node, known)
        case pq.BinaryExpr():
            return _of_operation(node, known)
        case pq.ParenExpr() | pq.SubqueryExpr() | pq.UnaryExpr():
            return keys(node.expr, known)
    return ()


def _of_aggregation(node: pq.AggregateExpr, known: Keys) -> tuple[Key, ...]:
    by = node.modifier is None or node.modifier.type == pq.AggModifierType.By
    named = frozenset(node.modifier.labels) if node.modifier is not None else _NOTHING
    if str(node.op) not in ("topk", "bottomk"):
        return (named,) if by else tuple(key - named for key in keys(node.expr, known) if not key & named)
    inner = keys(node.expr, known)
    one = isinstance(node.param, pq.NumberLiteral) and node.param.val == 1
    return (named, *inner) if by and one else inner


def _of_call(node: pq.Call, known: Keys) -> tuple[Key, ...]:
    if node.func.name in _FIXED:
        return (_NOTHING,)
    vectors = [argument for argument in node.args if not isinstance(argument, pq.NumberLiteral | pq.StringLiteral)]
    inner = keys(vectors[0], known) if vectors else (_NOTHING,)
    if node.func.name == "histogram_quantile":
        return tuple(key - {"le"} for key in inner)
    if node.func.name in _RENAMES and not _fills_in(node):
        return _widened(tuple(key for key in inner if node.args[1].val not in key), {node.args[1].val})
    return inner


def _of_operation(node: pq.BinaryExpr, known: Keys) -> tuple[Key, ...]:
    left, right = keys(node.lhs, known), keys(node.rhs, known)
    operator, matched = str(node.op), _matched(node)
    if operator in _SETS:
        return left
    if operator == "or" and matched is None:
        # Only what is alike altogether is kept out, so it takes all labels of both to tell two series apart.
        return (_all_labels(left) | _all_labels(right),) if left and right else ()
    if operator == "or" and matched is not None:
        return (matched,) if _has_key(left, matched) and _has_key(right, matched) else ()
    if _is_scalar(node.lhs) or _is_scalar(node.rhs):
        return right if _is_scalar(node.lhs) else left
    return _of_join(node, left, right)


def _of_join(node: pq.BinaryExpr, left: tuple[Key, ...], right: tuple[Key, ...]) -> tuple[Key, ...]:
    if node.modifier is None:
        return left + right
    added = set(node.modifier.group_labels or ())
    match node.modifier.card:
        case pq.VectorMatchCardinality.ManyToOne:
            return _widened(tuple(key for key in left if not key & added), added)
        case pq.VectorMatchCardinality.OneToMany:
            return _widened(tuple(key for key in right if not key & added), added)
    matching = node.modifier.matching
    if matching is None:
        return left + right
    named = frozenset(matching.labels)
    return (named,) if _matched(node) is not None else tuple(key - named for key in left)


def _widened(found: tuple[Key, ...], labels: set[str]) -> tuple[Key, ...]:
    """The keys, and each with labels that are now there too: what more than a key tells apart, a key does as well."""
    return (*found, *(key | labels for key in found)) if labels else found


def _all_labels(found: tuple[Key, ...]) -> Key:
    """Every label that an expression with these keys can have."""
    return max(found, key=len)


def _is_scalar(node: object) -> bool:
    match node:
        case pq.NumberLiteral():
            return True
        case pq.Call():
            return node.func.name in _SCALARS
        case pq.ParenExpr() | pq.UnaryExpr():
            return _is_scalar(node.expr)
        case pq.BinaryExpr():
            return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    return False


def _matched(node: pq.BinaryExpr) -> Key | None:
    """The labels after `on`; None where there is none."""
    matching = node.modifier.matching if node.modifier is not None else None
    return (
        frozenset(matching.labels) if matching is not None and matching.type == pq.LabelModifierType.Include else None
    )


def _has_key(found: tuple[Key, ...], labels: Key) -> bool:
    return any(key <= labels for key in found)


def _fills_in(node: pq.Call) -> bool:
    """A label_replace that gives only series without the label a value; the caller vouches that nobody else has it."""
    if node.func.name != "label_replace":
        return False
    _, target, _, source, pattern = node.args
    return bool(target.val == source.val and pattern.val == "")


def faults(expr: str, known: Keys) -> list[str]:
    """What of an expression fails as soon as a cluster serves two series where one was meant."""
    found = []
    for node in walk(pq.parse(expr)):
        if isinstance(node, pq.Call) and node.func.name in _RENAMES and not _fills_in(node):
            target = node.args[1].val
            if not any(target not in key for key in keys(node.args[0], known)):
                found.append(f"renames onto {target}, which may hold apart what it renames: aggregate first")
        if isinstance(node, pq.BinaryExpr) and str(node.op) not in (*_SETS, "or"):
            found += _join_faults(node, known)
    return found


def _join_faults(node: pq.BinaryExpr, known: Keys) -> list[str]:
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        return []
    matching, card = modifier.matching, modifier.card
    labels = frozenset(matching.labels)
    ones = {"left": node.lhs, "right": node.rhs}
    if card == pq.VectorMatchCardinality.ManyToOne:
        del ones["left"]
    elif card == pq.VectorMatchCardinality.OneToMany:
        del ones["right"]
    on = matching.type == pq.LabelModifierType.Include
    found = [
        f"the {side} side of {node.op} may have two series for one: aggregate it by ({', '.join(sorted(labels))})"
        for side, one in ones.items()
        if not any(key <= labels if on else not key & labels for key in keys(one, known))
    ]
    if modifier.group_labels and not _of_operation(node, known):
        found.append(f"{node.op} overwrites {', '.join(modifier.group_labels)} of the side that has many")
    return found
