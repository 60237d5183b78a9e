"""What a page costs, beside `prometheus_client.generate_latest` on the same series."""

import json
import subprocess
import sys
from pathlib import Path

from bench.table import Row, at_least
from demo.servers import ROOT

SIZES = (1_000, 10_000, 50_000, 100_000)
TARGETS = {50_000: at_least(100)}


def pages(_folder: Path) -> list[Row]:
    """The text of one family at several sizes; each in a fresh process, which also shows what its series take."""
    rows = []
    for size in SIZES:
        ours, theirs = _page("ours", size), _page("prometheus_client", size)
        times = f"{ours['seconds'] * 1e3:.2f} ms; {theirs['seconds'] * 1e3:.1f} ms"
        rows.append(
            Row(
                f"page of {size:,} series, generate_latest : ours, time",
                theirs["seconds"] / ours["seconds"],
                "x",
                TARGETS.get(size),
                f"{times}; {ours['bytes'] / 1e6:.2f} MB; {theirs['bytes'] / 1e6:.2f} MB",
            )
        )
    rows.append(_memory("… memory that its series take", ours["held"], theirs["held"]))
    rows.append(_memory("… memory that making the page takes on top", ours["peak"], theirs["peak"]))
    return rows


def _memory(what: str, ours: float, theirs: float) -> Row:
    return Row(what, theirs / ours, "x", None, f"{ours / 1e6:.1f} MB; {theirs / 1e6:.1f} MB")


def _page(kind: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.page", kind, str(size)]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603
    measured: dict[str, float] = json.loads(output)
    return measured
