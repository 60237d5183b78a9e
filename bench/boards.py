"""What the boards cost: all queries of each, on a Prometheus that knows a large cluster.

50,000 series of ours for two hours with a sample every 30 seconds, and what the recordings made of them: by minute for
these two hours, every five minutes for the 30 days before. (On its way into Prometheus, as text, that is 3 GB.) Costs
are CPU seconds of the server, as multiples of those for `sum(threat_falco_alerts_total)`. Nothing is chosen on the
boards: what is, leaves less to read.
"""

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.subject import Subject
from bench.table import Row, at_most
from dashboards import boards
from dashboards.board import Board, Panel
from dashboards.filled import filled, interval_of
from dashboards.queries.alerts import KEPT
from dashboards.queries.events import SHARED
from demo import tools
from demo.history import write
from demo.prometheus import Prometheus
from demo.series import text_of

PODS, RULES_OF_POD, STEP = 5000, 10, 30
HOURS, DAYS = timedelta(hours=2), timedelta(days=30)
LIMITS = {HOURS: 4, DAYS: 10}
"""Time range -> what a board may cost in it."""
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
    def recorded(self) -> dict[str, str]:
        """The labels as recordings have them."""
        place = {"namespace": self.alert["k8s_ns_name"], "pod": self.alert["k8s_pod_name"]}
        same = ("workload", "rule", "priority", "tactic", "hostname")
        return {**place, **{name: self.alert[name] for name in same}}


def queries(folder: Path) -> Sequence[Row]:
    """A row for each board over two hours, and over 30 days."""
    with large_cluster(folder) as (prometheus, now):
        baseline = statistics.median(_seconds(prometheus, BASELINE, now) for _ in range(9))
        return [_cost(prometheus, board, span, now, baseline) for span in LIMITS for board in boards()]


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
    return Row(f"board {board.name} over {over}", total / baseline, "x", at_most(LIMITS[span]), behind)


def _panel_seconds(prometheus: Prometheus, panel: Panel, span: timedelta, now: float) -> float:
    return sum(
        _seconds(prometheus, filled(target["expr"], span=span), now, None if target["instant"] else span)
        for target in panel.body["targets"]
    )


def _seconds(prometheus: Prometheus, expr: str, now: float, span: timedelta | None = None) -> float:
    subject = Subject(prometheus.pid, prometheus.port, "/")
    began = subject.cpu()
    if span is None:
        prometheus.query(expr, at=now)
    else:
        prometheus.query_range(expr, now - span.total_seconds(), now, interval_of(span))
    return subject.cpu() - began


# The data ------------------------------------------------------------------------------------------------------


def _hours(series: Sequence[_Series], now: float) -> Iterator[str]:
    first = now - HOURS.total_seconds()
    yield from _raw(series, now)
    for (name, labels), minutes in _recorded(series).items():
        for minute, events in sorted(minutes.items()):
            yield f"{name}{labels} {events} {first + 60 * minute:.0f}\n"
    yield from _evaluated(first, now, 60)
    yield f'threat_build_info{{job="threatboard"}} 1 {now:.0f}\n'
    yield "# EOF\n"


def _evaluated(first: float, last: float, every: int) -> Iterator[str]:
    for at in range(int(first), int(last) + 1, every):
        yield f'cluster:threat_recorded:info{{control="ids"}} 1 {at}\n'


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


def _recorded(series: Sequence[_Series]) -> dict[tuple[str, str], Counter[int]]:
    """(recording, labels) -> events by minute, of what the recordings that boards read most make of the counters."""
    found: dict[tuple[str, str], Counter[int]] = {}
    for one in series:
        for name, labels, after in _names(one):
            minutes = found.setdefault((name, labels), Counter())
            for own in (rise * STEP // 60 for rise in one.rises):
                minutes.update(range(own + after.start, own + after.stop))
    return found


def _names(one: _Series) -> Iterator[tuple[str, str, range]]:
    """(recording, labels, minutes after its own in which it has an event)."""
    for name in ("instance:threat_falco_alerts:last5m", "instance:threat_falco_alerts:increase7m"):
        yield name, text_of(one.alert), range(7)
    known = one.recorded
    place = {key: known[key] for key in ("namespace", "workload", "pod")}
    yield SHARED, text_of({**place, "control": "ids", "severity": one.severity}), range(1, 6)
    for name, kept in KEPT.items():
        labels = {key: known[key] for key in kept}
        yield name, text_of({**labels, "minute": "running"}), range(1)
        yield name, text_of({**labels, "minute": "whole"}), range(1, 2)


def _month(series: Sequence[_Series], now: float) -> Iterator[str]:
    first, last = now - DAYS.total_seconds(), now - HOURS.total_seconds() - 300
    busy: dict[tuple[str, str], set[int]] = {}
    for number, one in enumerate(series):
        for name, labels, _ in (found for found in _names(one) if "running" not in found[1]):
            busy.setdefault((name, labels), set()).add(number % 10)
    for (name, labels), windows in busy.items():
        for window in range(int((last - first) // 300)):
            if window % 10 in windows:
                yield f"{name}{labels} 1 {first + 300 * window:.0f}\n"
    yield from _evaluated(first, last, 300)
    yield "# EOF\n"
