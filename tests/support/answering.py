"""A server on 127.0.0.1 that answers every connection with the same bytes, whatever it is asked."""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Self


class Answering:
    """Listens on `port`; `asked` is what came on each connection, up to the end of a request's head."""

    def __init__(
        self, answer: bytes | Iterable[bytes], pause: float = 0.0, context: ssl.SSLContext | None = None
    ) -> None:
        self._answer = [answer] if isinstance(answer, bytes) else answer
        self._pause = pause
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                connection.settimeout(5)
                if self._context is None:
                    self._serve(connection)
                else:
                    with self._context.wrap_socket(connection, server_side=True) as encrypted:
                        self._serve(encrypted)

    def _serve(self, connection: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked and (piece := connection.recv(65536)):
            asked += piece
        self.asked.append(asked)
        for piece in self._answer:
            connection.sendall(piece)
            time.sleep(self._pause)
