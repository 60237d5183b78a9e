"""Log lines, written by a thread: a standard error that nobody reads must not stop the taking of events."""

import logging
import queue
import threading
from typing import TextIO

MAX_WAITING = 1000
"""Lines that wait to be written; past it they are dropped, and the next line that is written says how many."""

PATIENCE = 1.0
"""Seconds that the last lines may take when the program ends."""


class ThreadHandler(logging.Handler):
    """Writes records to a stream from a thread of its own; `emit` never waits."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a record to be written soon."""
        try:
            self._waiting.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Writes what is waiting, as far as that is soon done."""
        try:
            self._waiting.put(None, timeout=PATIENCE)
        except queue.Full:
            return
        self._thread.join(PATIENCE)
        super().close()

    def _write_all(self) -> None:
        while (text := self._waiting.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                text = f"({dropped} lines of the log were dropped, nobody read them)\n{text}"
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # closed, or gone
                continue
