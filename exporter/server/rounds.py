"""Requests that came in one round of the event loop, answered in a row.

An ordinary alert is worked on in less time than the processor takes to fetch what it forgot of the program during the
system calls in between. In a row, after all reads and before all writes, it costs about two thirds.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from exporter.server.http import Asked, Request

if TYPE_CHECKING:
    from exporter.server.listener import Listener
    from exporter.server.protocol import HttpProtocol

_log = logging.getLogger("threatboard")

MAX_REQUESTS = 64
"""Requests in a row: 1 to 3 ms of work."""

MAX_BYTES = 64 * 1024
"""Bytes of bodies in a row; JSON that is dear to hold takes 36 times its bytes while it is worked on."""

MAX_BODY = 4 * 1024
"""Bytes of a body that waits for the others; what is larger is worked on alone."""


class Round:
    """The requests of a listener that were read in this round and are to be answered at its end."""

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._asked: list[Asked] = []
        self._protocols: list[HttpProtocol] = []
        self._bytes = 0

    def add(self, protocol: "HttpProtocol", request: Request, body: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Takes a request of a connection, which is told of the answer by `conclude`."""
        self._asked.append(Asked(request, body, protocol.peer))
        self._protocols.append(protocol)
        self._bytes += len(body)
        # Where the next round of the loop has long answers to go on with, its end would come late.
        if len(self._asked) >= MAX_REQUESTS or self._bytes >= MAX_BYTES or self._listener.turns.busy:
            self.work()
        elif len(self._asked) == 1:
            loop.call_soon(self.work)

    def work(self) -> None:
        """Answers all that are there."""
        asked, self._asked = self._asked, []
        protocols, self._protocols = self._protocols, []
        self._bytes = 0
        if not asked:
            return
        try:
            answers = self._listener.application.answers(asked)
        except Exception:  # noqa: BLE001  # the sender would take a connection that ends for a fault of its own
            answers = [protocol.fault(one.request) for protocol, one in zip(protocols, asked, strict=True)]
        for protocol, one, answer in zip(protocols, asked, answers, strict=True):
            try:
                protocol.conclude(one, answer)
            except Exception:  # noqa: BLE001  # one connection takes no others along
                _log.exception("an answer could not be given")
                protocol.abort()
