"""Whether a number that a message shows is what was counted.

increase() stretches what it saw to the whole window, so that one event reads as 1.97 just when the page is sent. What
is shown is a difference of two values of the counter. A rate is a mean over time and is none of these.
"""

import re
from collections.abc import Iterable

import promql_parser as pq

from rules.tree import Rule

_STRETCHED = ("increase", "delta")
_STRETCHED_IN_TEXT = re.compile(r"\b(?:increase|delta)\(")
_OTHER_NUMBERS = (
    "absent",
    "absent_over_time",
    "changes",
    "count_over_time",
    "present_over_time",
    "resets",
    "time",
    "timestamp",
)
_COUNTS_OF_SERIES = ("count", "group")


def stretched_recordings(recordings: Iterable[Rule]) -> frozenset[str]:
    """Names of the recordings whose value is stretched; they come in the order in which they build on each other."""
    found: set[str] = set()
    for rule in recordings:
        if is_stretched(pq.parse(rule.expr), found):
            found.add(rule.name)
    return frozenset(found)


def is_stretched(node: object, recordings: Iterable[str]) -> bool:
    """Whether the value of an expression, not only its being there, comes from increase()."""
    match node:
        case pq.VectorSelector():
            return node.name is not None and node.name in recordings
        case pq.MatrixSelector():
            return is_stretched(node.vector_selector, recordings)
        case pq.AggregateExpr():
            return str(node.op) not in _COUNTS_OF_SERIES and is_stretched(node.expr, recordings)
        case pq.Call():
            if node.func.name in _STRETCHED:
                return True
            return node.func.name not in _OTHER_NUMBERS and any(is_stretched(arg, recordings) for arg in node.args)
        case pq.BinaryExpr():
            return _operation(node, recordings)
        case pq.ParenExpr() | pq.SubqueryExpr() | pq.UnaryExpr():
            return is_stretched(node.expr, recordings)
    return False


def _operation(node: pq.BinaryExpr, recordings: Iterable[str]) -> bool:
    operator = str(node.op)
    if operator in ("and", "unless"):
        return is_stretched(node.lhs, recordings)
    if operator in ("==", "!=", ">", "<", ">=", "<="):
        if node.modifier is not None and node.modifier.return_bool:
            return False
        return is_stretched(node.rhs if isinstance(node.lhs, pq.NumberLiteral) else node.lhs, recordings)
    return is_stretched(node.lhs, recordings) or is_stretched(node.rhs, recordings)


def faults(alert: Rule, recordings: frozenset[str]) -> list[str]:
    """Where a message of this alert shows more than was counted, or says "1 time(s)"."""
    text = " ".join(alert.annotations.values())
    found = []
    if "$value" in text and is_stretched(pq.parse(alert.expr), recordings):
        found.append("shows $value, which is stretched by increase()")
    found += [f"asks for {match[0]}…) in a message" for match in _STRETCHED_IN_TEXT.finditer(text)]
    found += [f"asks for {name} in a message, which is stretched" for name in sorted(recordings) if name in text]
    if "(s)" in text:
        found.append('leaves it to the reader whether it is one: say "once" or "one"')
    return found
