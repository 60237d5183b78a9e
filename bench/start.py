"""How long the program takes to be ready."""

import time
from pathlib import Path
from statistics import median

from bench import subject
from bench.intake import interleaved, ratio
from bench.table import Row, at_most

ROUNDS = 5


def seconds(folder: Path) -> list[Row]:
    """From the start of the process to 200 from /readyz, by the clock; beside the limit, which sets nothing up."""

    def ours() -> float:
        began = time.perf_counter()
        with subject.threatboard(folder):
            return time.perf_counter() - began

    def limit() -> float:
        began = time.perf_counter()
        with subject.limit():
            return time.perf_counter() - began

    taken = interleaved({"ours": ours, "limit": limit}, ROUNDS)
    times = ratio(taken["ours"], taken["limit"])
    behind = f"{times:.1f} times the limit's {median(taken['limit']):.2f} s"
    return [Row("start to ready", median(taken["ours"]), "s", at_most(0.5), behind)]
