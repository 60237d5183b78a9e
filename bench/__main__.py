"""Runs all benchmarks, or those named: `python -m bench [NAME…]`. Prints one table and writes it as JSON."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from bench import attack, boards, burst, desk, intake, memory, mixed, rules, scrape, start
from bench.table import Row, markdown

RESULTS = Path(__file__).parent / "results.json"

Benchmark = Callable[[Path], Sequence[Row]]
"""Given a folder of its own, measures and returns rows."""

BENCHMARKS: dict[str, Benchmark] = {
    "alerts": intake.alerts,
    "settings": intake.settings,
    "batches": intake.batches,
    "records": intake.records,
    "new-series": intake.new_series,
    "attack": attack.answer_times_under_attack,
    "mixed": mixed.answer_times_beside_scrapes,
    "scrape": scrape.pages,
    "memory": memory.resident,
    "burst": burst.highest,
    "incident": desk.incident,
    "start": start.seconds,
    "rules": rules.evaluation,
    "boards": boards.queries,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code. A missed target is a result and no failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure threatboard.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}; without, all")
    names = parser.parse_args(arguments).names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    measured: dict[str, Sequence[Row]] = {}
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="threatboard-bench-") as folder:
            measured[name] = BENCHMARKS[name](Path(folder))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(markdown([row for rows in measured.values() for row in rows]))
    RESULTS.write_text(json.dumps(_document(measured), indent=2) + "\n")
    print(f"also in {RESULTS}", file=sys.stderr)
    return 0


def _document(measured: dict[str, Sequence[Row]]) -> dict[str, object]:
    return {
        "machine": {"cores": os.cpu_count(), "architecture": platform.machine(), "python": platform.python_version()},
        "rows": [
            {"benchmark": name, **asdict(row), "verdict": row.verdict}
            for name, rows in measured.items()
            for row in rows
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
