"""What evaluating the bundle of rules costs, on the Prometheus of a large cluster that the boards are measured on."""

import time
from pathlib import Path

from bench.boards import BASELINE, large_cluster
from bench.subject import Subject
from bench.table import Row, at_most
from demo.prometheus import Prometheus
from rules.tree import load

INTERVAL = 60.0
"""Seconds between two evaluations of a usual Prometheus."""

ROUNDS = 3


def evaluation(folder: Path) -> list[Row]:
    """Every expression of the bundle once, as a multiple of one plain sum over all our series."""
    tree = load()
    rules = (*tree.recordings, *tree.alerts)
    with large_cluster(folder) as (server, now):
        subject = Subject(server.pid, server.port, "/")
        baseline, _ = _cost(server, subject, [BASELINE], now)
        bundle, wall = _cost(server, subject, [rule.expr for rule in rules], now)
        dearest, most = max(
            ((rule.name, _cost(server, subject, [rule.expr], now)[0]) for rule in rules), key=lambda cost: cost[1]
        )
    return [
        Row(
            f"the bundle's {len(rules)} expressions once : {BASELINE}, CPU",
            bundle / baseline,
            "x",
            behind=f"{bundle:.2f} s, of it {dearest} {most:.2f} s; the sum itself {baseline:.2f} s",
        ),
        Row(
            "… by the clock : an evaluation interval of 60 s",
            wall / INTERVAL,
            "x",
            at_most(0.1),
            f"{wall:.2f} s",
        ),
    ]


def _cost(server: Prometheus, subject: Subject, expressions: list[str], now: float) -> tuple[float, float]:
    """CPU seconds of the server and wall seconds for evaluating these, each the least of some rounds."""
    spent = []
    for _ in range(ROUNDS):
        cpu, wall = subject.cpu(), time.monotonic()
        for expression in expressions:
            server.query(expression, at=now)
        spent.append((subject.cpu() - cpu, time.monotonic() - wall))
    return min(cpu for cpu, _ in spent), min(wall for _, wall in spent)
