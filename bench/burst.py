"""Memory at its highest while many alerts come as fast as they can be sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import subject
from bench.alert import body
from bench.intake import KINDS
from bench.load import connections, requests, send
from bench.subject import Subject
from bench.table import Row, at_most

ALERTS = (20_000, 200_000)
EVERY = 0.02


@contextmanager
def _highest(server: Subject) -> Iterator[list[float]]:
    """The resident bytes seen during the block."""
    seen = [server.resident()]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(EVERY):
            seen.append(server.resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def highest(folder: Path) -> list[Row]:
    """Bursts of alerts of known pods; at most so much memory."""
    rows = []
    for alerts in ALERTS:
        with subject.threatboard(folder) as server, connections(server) as sockets, _highest(server) as seen:
            wanted = requests(server, (body(number) for number in range(KINDS)))
            for _ in range(alerts // KINDS):
                send(sockets, wanted)
        what = f"memory at most, in a burst of {alerts:,}"
        rows.append(Row(what, max(seen) / 1e6, "MB", at_most(120), f"{seen[0] / 1e6:.0f} MB before"))
    return rows
