"""A past for a Prometheus that is yet to start: back-filled blocks, first of what was scraped, then of recordings.

    fill(folder, promtool, targets, timeline, Span(start, end, step))   before the Prometheus of this folder starts
    record(url, promtool, folder, rule_files, Span(start, end, step))   while it runs; restart it to see the blocks

Recordings that read other recordings need those in the data first, so they are recorded level by level.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.series import Target, Timeline, text_of, value


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
    """Writes blocks into a Prometheus' data folder; raises `subprocess.CalledProcessError`, its stderr says why."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om", dir=folder.parent) as file:
        file.writelines(openmetrics(targets, timeline, span))
        file.flush()
        # Short of promtool's own two hours only the oldest block matters; longer ones need less disk and time.
        _run(promtool, "tsdb", "create-blocks-from", "--max-block-duration=48h", "openmetrics", file.name, str(folder))


def record(url: str, promtool: Path, folder: Path, files: Sequence[Path], span: Span) -> None:
    """Writes blocks of what these files record from the data of the Prometheus at `url`; alerts are left out."""
    times = (f"--start={span.start:.0f}", f"--end={span.end:.0f}", f"--eval-interval={span.step:.0f}s")
    _run(promtool, "tsdb", "create-blocks-from", "rules", f"--url={url}", *times, f"--output-dir={folder}", *files)


def _run(program: Path, *arguments: str | Path) -> None:
    subprocess.run([program, *arguments], check=True, capture_output=True, text=True)  # noqa: S603 (a program we chose)
