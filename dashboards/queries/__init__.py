"""PromQL by question, one module for each board; boards say how an answer looks, never how it is asked."""

from dataclasses import dataclass
from functools import cache

from dashboards import sources
from exporter.selectors import selector, where
from rules.tree import load

CLUSTER = "=~$cluster"
"""Matcher that every selector has; where Prometheus gives no `cluster` label, all clusters match."""


UNLOADED = "Rules are not loaded: load rules/recording"
"""What panels say that need our recordings while Prometheus has none of them."""

NO_RULES = "no rules"
"""The same where there is room for two words."""

NOTE = "note"
"""The label of a row that is a sentence: one of its own, so that no link of a rule, pod or node leads there."""


@dataclass(frozen=True)
class Query:
    """One question: PromQL with Grafana's variables, and the legend of its series (`{{label}}`, or fixed)."""

    expr: str
    legend: str = ""


@cache
def _names() -> frozenset[str]:
    return frozenset((*sources.external(), *(rule.name for rule in load().recordings)))


def select(metric: str, **labels: str) -> str:
    """A selector of a metric that is not ours, or of a recording; values as in `selectors.where()`.

    Raises ValueError on a name that neither the lists of others' metrics nor the recordings have.
    """
    if metric not in _names():
        raise ValueError(f"no metric {metric}: neither rules/ nor dashboards/external.yaml nor a recording has it")
    return selector(metric, {"cluster": CLUSTER, **labels})


ALIVE = where("threat_build_info", cluster=CLUSTER)
"""Is there while an exporter is scraped."""

EVALUATED = select("cluster:threat_recorded:info")
"""Is there while our rules are evaluated and any control is scraped; one sample for each evaluation."""

RECORDED = select("cluster:threat_recorded:info", control="ids")
"""Is there while an exporter is scraped and the recordings are evaluated: what is 0 then is none, not unknown."""


_ADDRESS = r"\\[?(.+?)\\]?:[0-9]+"
"""The address in an `instance`, IPv6 too, as a PromQL string has it."""


def on_nodes(metric: str, of: str = "{}", **labels: str) -> str:
    """`of` a metric, with the name of its node as `node`: its target's, else by its address, else the address.

    The sum over a target's series if it is a counter, else the highest; an address that two nodes had is one of them.
    """
    how = "sum" if metric.endswith("_total") else "max"
    named, unnamed = (
        f"{how} by (cluster, {key}) ({of.format(select(metric, **labels, node=sign))})"
        for key, sign in (("node", "!="), ("instance", "="))
    )
    nodes = f"group by (cluster, internal_ip, node) ({select('kube_node_info')})"
    known = f"topk by (cluster, internal_ip) (1, {nodes})"
    found = f'label_replace({unnamed}, "internal_ip", "$1", "instance", "{_ADDRESS}")'
    joined = f"{found} * on (cluster, internal_ip) group_left (node) {known}"
    return f'({named} or {joined} or on (cluster, instance) label_replace({unnamed}, "node", "$1", "instance", "(.+)"))'


def over_nodes(per_node: str) -> tuple[Query, Query, Query]:
    """Minimum, average and maximum over nodes of an expression that has one value for each node."""
    return tuple(Query(f"{name}({per_node})", name) for name in ("min", "avg", "max"))  # type: ignore[return-value]


def total(recorded: str, window: str = "$__range", offset: str = "") -> str:
    """About how many events in a window, by default the board's time range; `recorded` selects an `:increase5m` one.

    An event is in the samples of five minutes, one for each evaluation (how many these were is looked up at the end of
    the window); a younger one is not yet in all of them, so there are at least those of the last five minutes. (A
    subquery with a fixed step would not need their number, and takes a hundred times as long over 30 days.)
    """
    counted = f"count_over_time({EVALUATED}[299s])"
    often = f"scalar(max(max_over_time({counted}[1h:1m]{offset})) or vector(5))"
    spread, newest = f"sum_over_time({recorded}[{window}]{offset}) / {often}", f"{recorded}{offset}"
    return f"({spread} > {newest} or {newest} or {spread})"


def per_step(recorded: str) -> str:
    """About how many events at each step of a graph; `recorded` selects an `:increase5m` recording."""
    evaluations = f"scalar(max(count_over_time({EVALUATED}[$__interval])) or vector(5))"
    return f"sum_over_time({recorded}[$__interval]) / {evaluations} / 5 * $__interval_ms / 60000"


def increased(counter: str, window: str = "$__range") -> str:
    """By how much each series of a counter went up in a window, not extrapolated; only while it restarted, rounded."""
    return (
        f"(last_over_time({counter}[{window}]) - min_over_time({counter}[{window}]))"
        f" unless resets({counter}[{window}]) > 0 or round(increase({counter}[{window}]))"
    )


def step_of(counter: str) -> str:
    """By how much each series of a counter went up since the step of the graph before, not extrapolated."""
    return f"{counter} - {counter} offset $__interval >= 0 or {counter} - min_over_time({counter}[$__interval])"


def a_minute(counter: str) -> str:
    """How many events a minute a counter of rare events has, over 5 minutes."""
    return f"increase({counter}[5m]) / 5"


def or_quiet(expr: str, heartbeat: str, text: str) -> str:
    """The expression or, if it finds nothing while `heartbeat` is there, one row of 0 that says so.

    Thus "none" is a sentence, and only what nobody measures is empty.
    """
    return f'{expr} or on() label_replace(0 * sum({heartbeat}), "{NOTE}", "{text}", "", "")'


def or_unloaded(expr: str, none: str, heartbeat: str = "", part: bool = False) -> str:
    """The expression; else a row of 0 that says `none` or, where an exporter is scraped, one of -1 that tells.

    A `part` of a pie is never below 0, and there is little room beside it.
    """
    value, told = (0, NO_RULES) if part else (-1, UNLOADED)
    unloaded = f'label_replace(0 * sum({ALIVE}) + {value}, "{NOTE}", "{told}", "", "")'
    return f"{or_quiet(expr, heartbeat or RECORDED, none)} or on() {unloaded}"


def or_zero(expr: str, heartbeat: str = "") -> str:
    """The expression; else 0 where its recordings are there, or -1 where only an exporter is."""
    return f"{expr} or on() 0 * sum({heartbeat or RECORDED}) or on() 0 * sum({ALIVE}) - 1"


def state(present: str, component: str) -> str:
    """1 where `present` finds anything; else 0 where the configuration expects this component and 2 where not."""
    expected = where("threat_control_expected", cluster=CLUSTER, component=component)
    return f"(count({present}) > bool 0) or on() max({expected} == 1) * 0 or on() max({expected} == 0) + 2"
