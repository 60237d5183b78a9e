"""What the boards cost: all queries of each, on a Prometheus that knows a large cluster.

50,000 series of ours for two hours with a sample every 30 seconds, and what the recordings made of them: by minute for
these two hours, every five minutes for the 30 days before. (On its way into Prometheus, as text, that is 3 GB.) Costs
are multiples of `sum(threat_falco_alerts_total)` on the same server, because wall time is the machine's.
"""

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.table import Row
from dashboards import boards
from dashboards.board import Board, Panel
from dashboards.filled import filled, interval_of
from dashboards.queries import ALERTS
from dashboards.queries.events import SHARED
from demo import tools
from demo.history import write
from demo.prometheus import Prometheus
from demo.series import text_of

PODS, RULES_OF_POD, STEP = 5000, 10, 30
HOURS, DAYS = timedelta(hours=2), timedelta(days=30)
SAMPLES, AGAIN = int(HOURS.total_seconds()) // STEP, 180
"""A counter goes up once or twice in these two hours, about ten alerts a second over all."""
BASELINE = "sum(threat_falco_alerts_total)"
PRIORITIES = ("critical", "error", "warning", "notice", "informational")
SEVERITIES = ("critical", "warning", "warning", "info", "info")
TACTICS = ("execution", "persistence", "credential_access", "discovery", "")
NOISY = 300
"""Recorded series that have events on every one of the 30 days, in one of ten windows."""


@dataclass(frozen=True)
class _Series:
    """One counter: its labels, and the samples at which it goes up by one."""

    alert: dict[str, str]
    severity: str
    rises: range

    @property
    def place(self) -> dict[str, str]:
        return {"namespace": self.alert["k8s_ns_name"], "workload": self.alert["workload"]}


def queries(folder: Path) -> Sequence[Row]:
    """A row for each board over two hours, and over 30 days."""
    with large_cluster(folder) as (prometheus, now):
        baseline = statistics.median(_seconds(prometheus, BASELINE, now) for _ in range(5))
        return [_cost(prometheus, board, span, now, baseline) for span in (HOURS, DAYS) for board in boards()]


@contextmanager
def large_cluster(folder: Path) -> Iterator[tuple[Prometheus, float]]:
    """A running Prometheus with this past, and the time at which it ends."""
    now = time.time() // 300 * 300
    series = list(_counters())
    # Apart, because promtool reads a text again for every block that it makes of it.
    for lines in (_hours(series, now), _month(series[:NOISY], now)):
        write(folder / "prometheus", tools.get("promtool"), lines)
    with Prometheus(tools.get("prometheus"), "scrape_configs: []\n", folder) as prometheus:
        yield prometheus, now


def _cost(prometheus: Prometheus, board: Board, span: timedelta, now: float, baseline: float) -> Row:
    spent = {}
    for panel in (panel for row in board.rows for panel in row.panels if panel.body["type"] not in ("logs", "text")):
        spent[panel.title] = _panel_seconds(prometheus, panel, span, now)
    slowest = max(spent, key=lambda title: spent[title])
    total = sum(spent.values())
    behind = f"{total:.2f} s, of it {slowest} {spent[slowest]:.2f} s; the sum itself {baseline:.2f} s"
    over = f"{span.days} days" if span.days else f"{span.seconds // 3600} hours"
    return Row(f"board {board.name} over {over}", total / baseline, "x", None, behind)


def _panel_seconds(prometheus: Prometheus, panel: Panel, span: timedelta, now: float) -> float:
    return sum(
        _seconds(prometheus, filled(target["expr"], span=span), now, None if target["instant"] else span)
        for target in panel.body["targets"]
    )


def _seconds(prometheus: Prometheus, expr: str, now: float, span: timedelta | None = None) -> float:
    began = time.monotonic()
    if span is None:
        prometheus.query(expr, at=now)
    else:
        prometheus.query_range(expr, now - span.total_seconds(), now, interval_of(span))
    return time.monotonic() - began


# The data ------------------------------------------------------------------------------------------------------


def _hours(series: Sequence[_Series], now: float) -> Iterator[str]:
    yield from _raw(series, now)
    for name, labels, minutes in _recorded(series):
        for minute, events in sorted(minutes.items()):
            yield f"{name}{labels} {events} {now - HOURS.total_seconds() + 60 * minute:.0f}\n"
    yield f'threat_build_info{{job="threatboard"}} 1 {now:.0f}\n'
    yield "# EOF\n"


def _counters() -> Iterator[_Series]:
    for pod in range(PODS):
        workload, node = f"app-{pod % 500}", f"node-{pod % 50}"
        for number in range(RULES_OF_POD):
            kind = (pod * 7 + number * 13) % 120
            alert = {
                "job": "threatboard",
                "rule": f"Rule {kind}",
                "priority": PRIORITIES[kind % 5],
                "source": "syscall",
                "tactic": TACTICS[kind % 5],
                "hostname": node,
                "k8s_ns_name": f"team-{pod % 100}",
                "k8s_pod_name": f"{workload}-7c9d8b6f5d-{pod:05d}",
                "workload": workload,
            }
            first = (pod * RULES_OF_POD + number) * 7919 % SAMPLES
            yield _Series(alert, SEVERITIES[kind % 5], range(first, SAMPLES, AGAIN))


def _raw(series: Sequence[_Series], now: float) -> Iterator[str]:
    times = [f" {now - HOURS.total_seconds() + STEP * sample:.0f}\n" for sample in range(SAMPLES + 1)]
    for one in series:
        name, risen = f"threat_falco_alerts_total{text_of(one.alert)} ", 0
        lines = []
        for sample, at in enumerate(times):
            risen += sample in one.rises
            lines.append(f"{name}{risen}{at}")
        yield "".join(lines)


def _recorded(series: Sequence[_Series]) -> Iterator[tuple[str, str, Counter[int]]]:
    """(recording, labels, events by minute) of what the two recordings that boards read most make of the counters."""
    found: dict[tuple[str, str], Counter[int]] = {}
    for one in series:
        for key in _names(one):
            minutes = found.setdefault(key, Counter())
            # An event is in the five evaluations after it, or in its own minute.
            after = 5 if key[0] == SHARED else 1
            for rise in one.rises:
                minutes.update(range(rise * STEP // 60 + 1, rise * STEP // 60 + 1 + after))
    for (name, labels), minutes in found.items():
        yield name, labels, minutes


def _names(one: _Series) -> tuple[tuple[str, str], tuple[str, str]]:
    place = {**one.place, "pod": one.alert["k8s_pod_name"]}
    rule = {key: one.alert[key] for key in ("rule", "priority", "tactic", "hostname")}
    shared = {"control": "ids", "severity": one.severity}
    return (
        (ALERTS, text_of({**place, **rule, "minute": "whole"})),
        (SHARED, text_of({**place, **shared})),
    )


def _month(series: Sequence[_Series], now: float) -> Iterator[str]:
    first, last = now - DAYS.total_seconds(), now - HOURS.total_seconds() - 300
    windows = range(int((last - first) // 300))
    for number, (name, labels) in enumerate(dict.fromkeys(key for one in series for key in _names(one))):
        for window in windows[number % 10 :: 10]:
            yield f"{name}{labels} 1 {first + 300 * window:.0f}\n"
    for severity in sorted(set(SEVERITIES)):
        labels = text_of({"control": "ids", "severity": severity})
        for window in windows:
            yield f"cluster:threat_events:increase1d{labels} 900 {first + 300 * window:.0f}\n"
    yield "# EOF\n"
