"""A sender that behaves as Falco's libcurl does."""

import http.client
import json
import select
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from tests.support.receiver import alert


class Falco(threading.Thread):
    """Sends one alert after another on one kept-open connection: no retry, and any answer is success.

    As libcurl it looks before each use whether the connection still stands, honours `Connection: close`, and sends
    again what it sent on a kept-open connection that was closed without a byte of answer.
    """

    def __init__(self, port: int, pause: float = 0.005) -> None:
        super().__init__(daemon=True)
        self.sent: Counter[str] = Counter()
        self.again: Counter[str] = Counter()
        self.lost: list[str] = []
        self.connections = 0
        self._port = port
        self._pause = pause
        self._ended = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join(10)
        self._close()

    def run(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            rule = f"Rule {number % 7}"
            self.sent[rule] += 1
            reused = self._stands()
            if not self._deliver(rule) and not (reused and self._deliver_again(rule)):
                self.lost.append(rule)
            time.sleep(self._pause)

    def _deliver_again(self, rule: str) -> bool:
        self.again[rule] += 1
        return self._deliver(rule)

    def _stands(self) -> bool:
        sock = self._connection.sock if self._connection else None
        if sock is not None and not select.select([sock], [], [], 0)[0]:
            return True
        self._close()
        return False

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _deliver(self, rule: str) -> bool:
        if self._connection is None:
            self.connections += 1
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            self._connection.request("POST", "/falco", json.dumps(alert(rule)).encode())
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._close()
            return False
        return True
