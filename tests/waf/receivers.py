"""Receivers that answer late or not at all: what an exporter in trouble is to a firewall and to a log shipper."""

import socket
import threading
from typing import Self

NEVER = None


class Receiver:
    """Takes requests on `port` of 127.0.0.1 and answers each after `delay` seconds, or (`NEVER`) when released."""

    def __init__(self, delay: float | None = 0.0) -> None:
        self._delay = delay
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/waf"
        self.asked = threading.Event()
        self.released = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._socket.close()

    def release(self) -> None:
        """Lets all who wait have their answer."""
        self.released.set()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            received = connection.recv(65536)
            head, _, body = received.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            while len(body) < length and (piece := connection.recv(65536)):
                body += piece
            self.asked.set()
            self.released.wait(self._delay)
            try:
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            except OSError:
                pass
