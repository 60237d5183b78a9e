"""Every node's Falco says that it lives: metrics snapshots, as Falco sends them with `metrics.output_rule: true`."""

import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

from demo.cluster import NODES, Node
from demo.servers import Exporter, ServerError

RULE = "Falco internal: metrics snapshot"
CALLS = 9000
"""System calls a second that Falco sees on a node of share 1."""


def snapshot(node: Node, when: datetime, seconds: float) -> bytes:
    """The body of the POST; Falco has run for so many seconds, and lost nothing."""
    calls = int(CALLS * node.share * seconds)
    counts = {"falco.num_evts": calls, "scap.n_evts": calls, "scap.n_drops": 0, "falco.outputs_queue_num_drops": 0}
    event = {
        "hostname": node.name,
        "output": "Falco metrics snapshot",
        "output_fields": {"evt.hostname": node.name, "evt.source": "syscall", "falco.version": "0.43.0", **counts},
        "priority": "Informational",
        "rule": RULE,
        "source": "internal",
        "time": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    return json.dumps(event).encode()


class Snapshots:
    """Sends them for all nodes at once when it is entered, and every so many seconds until it is left."""

    def __init__(self, exporter: Exporter, nodes: Sequence[Node] = NODES, every: float = 30.0) -> None:
        self._exporter, self._nodes, self._every = exporter, nodes, every
        self._left = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _send(self) -> None:
        while True:
            for node in self._nodes:
                # An exporter that has failed is the story's to report.
                with suppress(ServerError):
                    self._exporter.post("/falco", snapshot(node, datetime.now(UTC), time.monotonic() - self._began))
            if self._left.wait(self._every):
                return
