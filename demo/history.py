"""A past for a Prometheus that is yet to start: back-filled blocks, first of what was scraped, then of recordings.

fill(folder, promtool, targets, timeline, Span(start, end, step))   before the Prometheus of this folder starts
record(prometheus, promtool, rule_files, Span(start, end, step))    while it runs, in the same data
"""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.prometheus import Prometheus
from demo.series import Target, Timeline, text_of, value


class BackfillError(Exception):
    """promtool refused what was to be back-filled; `words` are its own."""

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.words = words


PHASE = 11.0
"""Seconds after a step at which recordings are evaluated: groups of rules have a moment of their own."""


Rule = dict[str, Any]
"""As in a rule file."""

MARKS = ("threat:recorded_minute", "threat:waf_recorded_minute")
"""By these recordings an evaluation knows whether it is the first of its minute; in a history of minutes each is."""


@dataclass(frozen=True)
class Span:
    """From `start` to `end` (Unix times) a sample every `step` seconds."""

    start: float
    end: float
    step: float

    def times(self) -> list[float]:
        """The times of the samples: multiples of the step, oldest first."""
        first = -(-self.start // self.step)
        return [number * self.step for number in range(int(first), int(self.end // self.step) + 1)]


def openmetrics(targets: Iterable[Target], timeline: Timeline, span: Span) -> Iterator[str]:
    """The lines of an OpenMetrics text: each target's series with its labels, and `up` for each target."""
    times = span.times()
    for target in targets:
        for at in times:
            yield f"up{text_of(target.labels)} 1 {at:.3f}\n"
        for row in target.rows:
            series = row.name + text_of(target.stored(row))
            for at in times:
                shown = value(row, timeline, at)
                if shown is not None:
                    yield f"{series} {shown!r} {at:.3f}\n"
    yield "# EOF\n"


def fill(folder: Path, promtool: Path, targets: Sequence[Target], timeline: Timeline, span: Span) -> None:
    """Writes blocks into a Prometheus' data folder; raises `BackfillError`."""
    write(folder, promtool, openmetrics(targets, timeline, span))


def record(prometheus: Prometheus, promtool: Path, files: Sequence[Path], span: Span, levels: int = 1) -> None:
    """Adds what these files record from the data of a running Prometheus, which is restarted to see it.

    Level 1 are recordings that read no other of these files, level 2 those that read level 1, and so on. One range
    query for a rule, because promtool's own way asks and writes for every two hours. Raises `ServerError` for more than
    11,000 samples, which no range query gives, and as `fill` does.
    """
    groups = (group for file in files for group in yaml.safe_load(file.read_text())["groups"])
    rules = [rule for group in groups for rule in group["rules"] if _is_of_the_past(rule)]
    for _ in range(levels):
        later = [rule for rule in rules if any(_reads(rule, other) for other in rules)]
        write(prometheus.data, promtool, _recorded(prometheus, (rule for rule in rules if rule not in later), span))
        prometheus.stop()
        prometheus.start()
        rules = later


def _is_of_the_past(rule: Rule) -> bool:
    """No alert, and nothing of a minute that still runs."""
    record = rule.get("record")
    return bool(record and record not in MARKS and rule.get("labels", {}).get("minute") != "running")


def _reads(rule: Rule, other: Rule) -> bool:
    """Whether a rule reads what another records; its own name is its past, which a history does not have."""
    return bool(other["record"] != rule["record"] and other["record"] in rule["expr"])


def _recorded(prometheus: Prometheus, rules: Iterable[Rule], span: Span) -> Iterator[str]:
    times = span.times()
    for rule in rules:
        for series in prometheus.query_range(rule["expr"], times[0] - PHASE, times[-1] - PHASE, span.step):
            labels = {**series.labels, **rule.get("labels", {})}
            labels.pop("__name__", None)
            for at, shown in series.samples:
                yield f"{rule['record']}{text_of(labels)} {shown!r} {at:.3f}\n"
    yield "# EOF\n"


def write(folder: Path, promtool: Path, lines: Iterable[str]) -> None:
    """Writes blocks of an OpenMetrics text into a Prometheus' data folder; raises `BackfillError`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om", dir=folder.parent) as file:
        file.writelines(lines)
        file.flush()
        # Short of promtool's own two hours only the oldest block matters; longer ones need less disk and time.
        arguments = ("tsdb", "create-blocks-from", "--max-block-duration=48h", "openmetrics", file.name, str(folder))
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 (our choice)
    if done.returncode:
        raise BackfillError(f"promtool could not back-fill Prometheus: exit code {done.returncode}", done.stderr)
