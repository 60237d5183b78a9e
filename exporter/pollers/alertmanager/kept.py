"""The file in which episodes and their counts outlive a restart: JSON, written whole, private.

Without it everything that is older than the process is adopted: neither counted late, nor twice.
"""

import logging
import os
from pathlib import Path
from typing import Any

import orjson

from exporter.clock import Clock
from exporter.pollers.alertmanager.client import key_of
from exporter.pollers.alertmanager.counts import Counts
from exporter.pollers.alertmanager.episodes import GRACE, Book, Episode
from exporter.private import ForeignStateError, open_regular, replace_private

_log = logging.getLogger("threatboard")

NAME = "alertmanager.json"

VERSION = 1

MAX_BYTES = 256 << 20
"""Many times what the most episodes take."""


class Kept:
    """The book, and the file where it is kept; without a directory it is in memory only."""

    def __init__(self, directory: Path | None, clock: Clock, grace: float = GRACE) -> None:
        self._path = None if directory is None else directory / NAME
        self._troubled = False
        self.book = self._read(clock, grace) or Book(clock.time(), Counts(clock), grace)

    def write(self) -> None:
        """Keeps the book as it is now; says once that it cannot, and once that it can again."""
        if self._path is None:
            return
        try:
            os.close(replace_private(self._path, orjson.dumps(_plain(self.book)), os.O_RDONLY))
        except OSError as error:
            if not self._troubled:
                _log.error("alertmanager.state_dir: %s cannot be written: %s", self._path, error.strerror)
            self._troubled = True
        else:
            if self._troubled:
                _log.info("alertmanager.state_dir: %s is written again", self._path)
            self._troubled = False

    def _read(self, clock: Clock, grace: float) -> Book | None:
        if self._path is None:
            return None
        try:
            with os.fdopen(open_regular(self._path, os.O_RDONLY), "rb") as file:
                return _book(orjson.loads(file.read(MAX_BYTES)), clock, grace)
        except FileNotFoundError:
            return None
        except (OSError, ForeignStateError) as error:
            problem = str(error)
        except (KeyError, TypeError, ValueError, AttributeError):
            problem = "is not what was written into it"
        _log.error("alertmanager.state_dir: %s: %s; counting begins anew", self._path, problem)
        return None


def _plain(book: Book) -> dict[str, Any]:
    return {
        "version": VERSION,
        "begin": book.begin,
        "episodes": list(book.episodes()),
        "inhibited": sorted(book.inhibited),
        "stamps": book.stamps,
        "counts": book.counts.plain(),
    }


def _book(kept: dict[str, Any], clock: Clock, grace: float) -> Book:
    """Raises KeyError, TypeError, ValueError or AttributeError for what was not written here."""
    if kept["version"] != VERSION:
        raise ValueError(kept["version"])
    book = Book(float(kept["begin"]), Counts.of(kept["counts"], clock), grace)
    for found in kept["episodes"]:
        episode = Episode(**{**found, "rank": tuple(found["rank"])})
        book.alerts.setdefault(key_of(episode.labels), []).append(episode)
    book.inhibited = set(kept["inhibited"])
    book.stamps = {one: (verdict, stamp) for one, (verdict, stamp) in kept["stamps"].items()}
    return book
