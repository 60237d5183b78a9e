"""prometheus_client's `labels().inc()` behind threatboard's listener, to compare with.

`python -m bench.labels_inc PORT`. What an exporter does that is written in an afternoon: no cleaning, no bound, no
event line.
"""

import asyncio
import sys
from collections.abc import Sequence

import uvloop
from prometheus_client import CollectorRegistry, Counter

from bench.limit import key
from demo.servers import HOST
from exporter.config import Config
from exporter.config.kinds import Address
from exporter.server.budget import Inflight, Turns
from exporter.server.http import Answer, Asked, Connection, Request
from exporter.server.listener import Listener

_ACCEPTED = Answer(204, welcome=True)
_LABELS = ("rule", "priority", "source", "hostname", "k8s_ns_name", "k8s_pod_name")


class LabelsInc:
    """Counts alerts and answers 204."""

    def __init__(self) -> None:
        self._alerts = Counter("falco_alerts", "Falco alerts.", _LABELS, registry=CollectorRegistry())

    def screen(self, _request: Request, _connection: Connection) -> Answer | None:
        return None

    def answers(self, asked: Sequence[Asked]) -> list[Answer]:
        for one in asked:
            if one.body:
                self._alerts.labels(*key(one.body)).inc()
        return [_ACCEPTED] * len(asked)

    def refused(self, *_: object) -> None:
        """Nothing is counted here."""


async def serve(port: int) -> None:
    """Serves until it is killed."""
    turns = Turns()
    listener = Listener("PORT", Address(HOST, port), Config().intake, Inflight(64 << 20, turns), turns)
    await listener.start(LabelsInc())
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
