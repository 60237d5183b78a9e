"""How many alerts of Falco: in a time range, or at each step of a graph.

Recordings hold them by the minute: one with every label, and sums of it that are a hundredth as large. A sum without a
label that people choose by is read while everything is chosen there, and the one with every label as soon as not.
"""

from collections.abc import Iterator, Mapping

from dashboards.queries import select
from exporter.catalog import PRIORITIES, SEVERITY_OF_PRIORITY

_MINUTES = "threat_falco_alerts:increase1m"
ALERTS = f"namespace_workload_pod_rule_hostname:{_MINUTES}"
"""The recording with every label."""

KEPT: Mapping[str, frozenset[str]] = {
    ALERTS: frozenset(("namespace", "workload", "pod", "rule", "priority", "tactic", "hostname")),
    f"rule:{_MINUTES}": frozenset(("rule", "priority", "tactic")),
    f"namespace_workload:{_MINUTES}": frozenset(("namespace", "workload", "priority")),
    f"namespace_rule:{_MINUTES}": frozenset(("namespace", "rule")),
    f"namespace_workload_pod_hostname:{_MINUTES}": frozenset(("namespace", "workload", "pod", "hostname")),
}
"""Recording -> its labels beside `cluster` and `minute`; after the first the sums of it, the smallest first."""

NEVER = "everything"
"""A label that no series has, so a pattern matches it where it matches the empty text: while all it names is chosen."""


def of_severity(severity: str) -> str:
    """A matcher of the priorities that this severity stands for."""
    return "=~" + "|".join(name for name in PRIORITIES if SEVERITY_OF_PRIORITY[name] == severity)


def counted(by: str = "", window: str = "$__range", **labels: str) -> str:
    """How many in a window that ends now, by some labels: those of its whole minutes, and of the running one."""
    return _summed(by, f"{_whole(by, labels, f'[{window}]')} or {_running(by, labels)}")


def counted_before(by: str, window: str, offset: str, **labels: str) -> str:
    """How many in the whole minutes of a window that ended some time ago."""
    return _summed(by, _whole(by, labels, f"[{window}] offset {offset}"))


def at_each_step(zero: str, by: str = "", **labels: str) -> str:
    """How many at each step of a graph; `zero` is a 0 for each value of the label `by`.

    What the running minute had at the step before is by now in a whole one, and was shown then. All is read a
    millisecond earlier, because both ends of a window belong to it: rules may be evaluated just at the steps.
    """
    now = f"{_whole(by, labels, '[$__interval] offset 1ms')} or {_running(by, labels, ' offset 1ms')}"
    before = _running(by, labels, " offset ${__interval}1ms")
    return f"clamp_min(({_summed(by, now)} or {zero}) - ({_summed(by, before)} or {zero}), 0)"


def _whole(by: str, labels: Mapping[str, str], window: str) -> str:
    return " or ".join(f"sum_over_time({one}{window})" for one in _selected(by, {**labels, "minute": "whole"}))


def _running(by: str, labels: Mapping[str, str], offset: str = "") -> str:
    return " or ".join(one + offset for one in _selected(by, {**labels, "minute": "running"}))


def _summed(by: str, expr: str) -> str:
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def _selected(by: str, labels: Mapping[str, str]) -> Iterator[str]:
    """Selectors of which one finds what is asked for, and the others nothing."""
    chosen = {name for name, value in labels.items() if value.startswith("=~$")}
    needed = {name for name in by.split(", ") if name} | labels.keys() - chosen - {"minute"}
    smallest = _smallest(needed, chosen)
    yield select(smallest, **labels)
    if others := sorted(chosen - KEPT[smallest]):
        pattern = "".join(labels[name].removeprefix("=~") for name in others)
        yield select(ALERTS, **labels, **{NEVER: f"!~{pattern}"})


def _smallest(needed: set[str], chosen: set[str]) -> str:
    """The smallest recording that has all labels; else the smallest sum that has those that are no choice."""
    sums = [name for name in KEPT if name != ALERTS and needed <= KEPT[name]]
    return next((name for name in sums if chosen <= KEPT[name]), sums[0] if sums else ALERTS)
