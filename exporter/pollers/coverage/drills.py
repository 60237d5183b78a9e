"""What drills' pods said of their acts when they ended (`exporter/drill/`)."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from exporter.catalog.watch import DRILL_CONTROLS
from exporter.pollers.coverage.objects import Pod

MAX_SKEW = 60.0
"""Seconds that a node's clock may be ahead; an act later than that was not."""


class Act(NamedTuple):
    """An act of a drill: when, as a Unix time, and whether it was stopped as its pod saw it (None: cannot see)."""

    control: str
    hostname: str
    at: float
    stopped: bool | None


def newest(pods: Iterable[Pod], namespace: str, now: float) -> list[Act]:
    """The newest act of each control on each node, of the drills in `namespace`."""
    found: dict[tuple[str, str], Act] = {}
    for pod in pods:
        if pod.namespace != namespace or not pod.node:
            continue
        for report in pod.reports:
            for act in _acts(report, pod.node):
                before = found.get((act.control, act.hostname))
                if act.at <= now + MAX_SKEW and (before is None or before.at < act.at):
                    found[act.control, act.hostname] = act
    return sorted(found.values())


def _acts(report: str, hostname: str) -> Iterable[Act]:
    """The acts of a report; what is none is left out, for a pod may have been killed in the middle of it."""
    try:
        read = orjson.loads(report)
    except orjson.JSONDecodeError:
        return
    acts = read.get("acts") if isinstance(read, dict) else None
    for one in acts if isinstance(acts, list) else ():
        if not isinstance(one, dict):
            continue
        control, at, stopped = one.get("control"), one.get("at"), one.get("stopped")
        if not isinstance(at, int | float) or isinstance(at, bool) or not math.isfinite(at) or at <= 0:
            continue
        if control in DRILL_CONTROLS and (stopped is None or isinstance(stopped, bool)):
            yield Act(control, hostname, float(at), stopped)
