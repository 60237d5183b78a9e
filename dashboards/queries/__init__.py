"""PromQL by question, one module for each board; boards say how an answer looks, never how it is asked."""

from dataclasses import dataclass

from exporter.catalog import where

CLUSTER = "=~$cluster"
"""Matcher that every selector has; where Prometheus gives no `cluster` label, all clusters match."""


@dataclass(frozen=True)
class Query:
    """One question: PromQL with Grafana's variables, and the legend of its series (`{{label}}`, or fixed)."""

    expr: str
    legend: str = ""


def select(metric: str, **labels: str) -> str:
    """A selector of a metric that is not ours, or of a recording; values as in `catalog.where()`.

    Such names are checked by a test against `dashboards/external.yaml`, `rules/external.yaml` and the recordings.
    """
    matchers = []
    for label, value in {"cluster": CLUSTER, **labels}.items():
        operator = next((sign for sign in ("=~", "!~", "!=", "=") if value.startswith(sign)), "")
        matchers.append(f'{label}{operator or "="}"{value.removeprefix(operator)}"')
    return f"{metric}{{{', '.join(matchers)}}}"


def over_nodes(per_node: str) -> tuple[Query, Query, Query]:
    """Minimum, average and maximum over nodes of an expression that has one value for each node."""
    return tuple(Query(f"{name}({per_node})", name) for name in ("min", "avg", "max"))  # type: ignore[return-value]


def _evaluations(window: str, more: str = "") -> str:
    """Evaluations of the recordings in a window, at the end of it or, with `more`, at most in a longer time."""
    counted = f"count_over_time({select('cluster:threat_recorded:info')}[{window}])"
    return f"scalar(max({f'max_over_time({counted}[{more}])' if more else counted}) or vector(5))"


def total(recorded: str, window: str = "$__range") -> str:
    """How many events in a window, by default the board's time range; `recorded` selects an `:increase5m` recording.

    An event is in the samples of five minutes, one for each evaluation; a younger one is not yet in all of them. (A
    subquery with a fixed step would not need their number, and takes a hundred times as long over 30 days.)
    """
    return f"sum_over_time({recorded}[{window}]) / {_evaluations('299s', '1h:5m')}"


def per_minute(recorded: str) -> str:
    """How many events a minute, at every step of a graph; `recorded` selects an `:increase5m` recording."""
    return f"sum_over_time({recorded}[$__interval]) / {_evaluations('$__interval')} / 5"


def a_minute(counter: str) -> str:
    """How many events a minute a counter of rare events has, over 5 minutes like the recordings."""
    return f"increase({counter}[5m]) / 5"


def or_quiet(expr: str, heartbeat: str, label: str, text: str) -> str:
    """The expression or, if it finds nothing while `heartbeat` is there, one row of 0 that says so.

    Thus "none" is a sentence, and only what nobody measures is empty.
    """
    return f'{expr} or on() label_replace(0 * sum({heartbeat}), "{label}", "{text}", "", "")'


def state(present: str, component: str) -> str:
    """1 where `present` finds anything; else 0 where the configuration expects this component and 2 where not."""
    expected = where("threat_control_expected", cluster=CLUSTER, component=component)
    return f"(count({present}) > bool 0) or on() max({expected} == 1) * 0 or on() max({expected} == 0) + 2"
