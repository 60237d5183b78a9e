"""Makes one page in this process: `python -m bench.page ours|prometheus_client SERIES`.

Prints a JSON object: CPU `seconds` for a page (the quickest of some), its `bytes`, the bytes of memory `held` by the
series and the `peak` of what a page takes on top.
"""

import gc
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, generate_latest

from exporter.catalog import METRICS
from exporter.metrics import Metrics

FAMILY = METRICS["threat_falco_alerts_total"]
TIMES = 4

Labels = tuple[str, ...]
Page = Callable[[], Iterable[bytes]]


def label_sets(count: int) -> Iterator[Labels]:
    """Label sets of pods, spread as those of `bench/alert.py`."""
    for number in range(count):
        pod = f"web-{number:010d}-x7k2p"
        team = f"team-{number % 100}"
        rule = f"A rule of the middle length, the {number % 5}th"
        yield (rule, "notice", "syscall", "execution", f"node-{number % 20}", team, pod, "web")


def ours(series: Iterable[Labels], count: int) -> Page:
    """The counter store with these series."""
    family = Metrics(limit=4 * count, max_bytes=1 << 30).store.families[FAMILY.name]
    for labels in series:
        family.add(labels)
    return lambda: family.slices(None)


def prometheus_client(series: Iterable[Labels], _count: int) -> Page:
    """A `Counter` with these series."""
    registry = CollectorRegistry(auto_describe=False)
    counter = Counter(FAMILY.name, FAMILY.help, FAMILY.labels, registry=registry)
    for labels in series:
        counter.labels(*labels).inc()
    return lambda: [generate_latest(registry)]


def measure(make: Callable[[Iterable[Labels], int], Page], count: int) -> dict[str, float]:
    """All figures of one kind and size."""
    empty = _resident()
    page = make(label_sets(count), count)
    gc.collect()
    held = _resident() - empty
    taken = []
    for _ in range(TIMES):
        began = time.process_time()
        size = sum(map(len, page()))
        taken.append(time.process_time() - began)
    tracemalloc.start()
    sum(map(len, page()))
    peak = tracemalloc.get_traced_memory()[1]
    return {"seconds": min(taken), "bytes": size, "held": held, "peak": peak}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    makers = {"ours": ours, "prometheus_client": prometheus_client}
    json.dump(measure(makers[sys.argv[1]], int(sys.argv[2])), sys.stdout)
