"""prometheus_client's `labels().inc()` behind threatboard's listener, to compare with.

`python -m bench.labels_inc PORT`. What an exporter does that is written in an afternoon: no cleaning, no bound, no
event line.
"""

import asyncio
import sys
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry, Counter

from bench.limit import key
from demo.servers import HOST
from exporter.config.kinds import Address
from exporter.intake.protocol import DirectProtocol
from exporter.server.http import Answer, Request
from exporter.server.listener import Listener
from exporter.server.protocol import Limits

_ACCEPTED = Answer(204)
_LABELS = ("rule", "priority", "source", "hostname", "k8s_ns_name", "k8s_pod_name")


async def serve(port: int) -> None:
    """Serves until it is killed."""
    alerts = Counter("falco_alerts", "Falco alerts.", _LABELS, registry=CollectorRegistry())
    limits = Limits()

    def take(_request: Request, body: bytes) -> Answer:
        if body:
            alerts.labels(*key(body)).inc()
        return _ACCEPTED

    async def take_slowly(request: Request, body: bytes) -> Answer:
        return take(request, body)

    def make(*args: Any) -> DirectProtocol:
        return DirectProtocol(
            *args, limits=limits, refused=lambda *_: None, screen=lambda _: None, take=take, take_slowly=take_slowly
        )

    async def nothing(_scope: object, _receive: object, _send: object) -> None:
        """No request gets here: `take` answers all of them."""

    await Listener("PORT", Address(HOST, port), None).start(make, nothing, limits.head_timeout)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
