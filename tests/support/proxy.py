"""A TCP proxy on this machine that can lose, cut and redirect connections, as networks and Services do."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Passes connections on to `target`, a local port, as coming from the local address `source`."""

    def __init__(self, target: int, source: str = "127.0.0.1") -> None:
        self.target = target
        self.accepted = 0
        self._source = source
        self._cut_after: int | None = None
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends every connection now."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._end(pair)

    def cut_next_answer(self, after: int) -> None:
        """Lets only this many bytes of the next answer through, and ends its connection."""
        self._cut_after = after

    @property
    def cutting(self) -> bool:
        """Has the answer that is to be cut not come yet?"""
        return self._cut_after is not None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), source_address=(self._source, 0))
            except OSError:
                client.close()
                continue
            self.accepted += 1
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._pump, args=(client, server, pair, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, pair, True), daemon=True).start()

    def _pump(
        self, read: socket.socket, write: socket.socket, pair: tuple[socket.socket, socket.socket], answer: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := read.recv(65536):
                if answer and self._cut_after is not None:
                    write.sendall(data[: self._cut_after])
                    self._cut_after = None
                    break
                write.sendall(data)
        self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for connection in pair:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
