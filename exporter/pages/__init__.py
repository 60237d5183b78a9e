"""The listener that shows: metrics, probes, recent events and the status page."""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from exporter.config import Config
from exporter.server.access import CHALLENGE, has_token, is_local
from exporter.server.http import Answer, Asked, Connection, Request, Stream
from exporter.store.scrapers import Scrapers
from exporter.store.slices import SLICE_BYTES

SCRAPER_HEADER = b"x-prometheus-scrape-timeout-seconds"
"""What Prometheus and everything built on its scrape loop sends, and a person does not."""

CHUNK = 64 * 1024
"""Most bytes of a page that are compressed and sent at once: work for which an event may have to wait, and what a
reader that stands still holds."""

_REFUSED = re.compile(rb"\s*q=0(?:\.0*)?\s*")

View = Callable[[Mapping[str, str]], Answer]
"""A page that shows events: the query's parameters -> the answer."""

Refused = Callable[[str, str, bytes, str], None]
"""Is told the reason, the sentence, the path and the address of what was refused."""


class Shown(Protocol):
    """What has a page of metrics."""

    def page(self, accept: str, cutoff: int | None, /) -> tuple[str, Iterator[bytes]]:
        """The content type and the page in pieces, for an Accept header; series created after `cutoff` read 0."""


class Pages:
    """Answers the requests of the show listener, under the configuration of the moment.

    `scrapers` are those whose first look at a series matters; `private` says why the views are not for everybody.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        metrics: Shown,
        scrapers: Scrapers | None,
        ready: Callable[[], bool],
        views: Mapping[bytes, View],
        refused: Refused,
        private: str = "this page shows what attackers typed",
    ) -> None:
        self.refused = refused
        self._config = config
        self._metrics = metrics
        self._scrapers = scrapers
        self._views = views
        self._private = private
        self._probes: dict[bytes, Callable[[], bool]] = {b"/healthz": lambda: True, b"/readyz": ready}

    def screen(self, request: Request, connection: Connection) -> Answer | None:
        """Refuses a request by its head: what it wants, how, and who may have it."""
        path = request.path
        paths = (b"/metrics", *self._probes, *self._views)
        if path not in paths:
            known = b" ".join(paths).decode()
            return Answer.refusal(404, "not_found", f"there is no such page; there are {known}")
        if request.method not in (b"GET", b"HEAD"):
            return Answer.refusal(405, "method", "pages are read with GET", (b"allow", b"GET, HEAD"))
        settings = self._config().metrics
        token = settings.auth.token
        if path in self._probes or (path == b"/metrics" and not settings.protect_metrics):
            return None
        if token is not None and has_token(request, token):
            return None
        presented = token is not None and request.header(b"authorization")
        if path in self._views and not presented and is_local(connection.address, request):
            return None
        if token is not None:
            sentence = (
                "no credentials or wrong ones; send the token of metrics.auth as Bearer, or as the password of Basic"
            )
            return Answer.refusal(401, "unauthorized", sentence, CHALLENGE)
        sentence = (
            f"{self._private}, so without metrics.auth it is only for a person on this machine: "
            "run kubectl port-forward POD 9376 and open http://localhost:9376/"
        )
        return Answer.refusal(403, "forbidden", sentence)

    def answers(self, asked: Sequence[Asked]) -> list[Answer | Stream]:
        """Answers requests that were not refused."""
        return [self._answer(one.request, one.connection) for one in asked]

    def _answer(self, request: Request, connection: Connection) -> Answer | Stream:
        if request.path == b"/metrics":
            return self._page(request, connection)
        if request.path in self._probes:
            good = self._probes[request.path]()
            return Answer.text(200, "ok") if good else Answer.text(503, "not ready")
        query = dict(parse_qsl(request.query.decode("utf-8", "replace")))
        return self._views[request.path](query)._replace(welcome=True)

    def _page(self, request: Request, connection: Connection) -> Stream:
        # A HEAD shows no zeros: the GET after it must not take them for shown.
        scraped = request.method == b"GET" and request.header(SCRAPER_HEADER)
        scrape = self._scrapers.answer(connection) if scraped and self._scrapers is not None else None
        accept = request.listed(b"accept").decode("latin-1")
        content_type, page = self._metrics.page(accept, scrape.cutoff if scrape else None)
        headers = [(b"content-type", content_type.encode()), (b"vary", b"accept, accept-encoding")]
        page = _gathered(page)
        if _takes_gzip(request):
            headers.append((b"content-encoding", b"gzip"))
            page = _gzipped(page)
        return Stream(tuple(headers), page, scrape.done if scrape else lambda: None)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at most `CHUNK`, few of them small; holds nothing of one that was taken."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        del piece
        while len(waiting) > CHUNK:
            yield _taken(waiting, CHUNK)
        if len(waiting) > CHUNK - SLICE_BYTES:  # the next might not fit
            yield _taken(waiting, CHUNK)
    yield bytes(waiting)


def _taken(waiting: bytearray, size: int) -> bytes:
    data = bytes(memoryview(waiting)[:size])
    del waiting[:size]
    return data


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same as gzip at its cheapest level: a page is large, repetitive, and read once."""
    stream = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    yield from map(stream.compress, pieces)  # a loop would hold the last piece
    yield stream.flush()


def _takes_gzip(request: Request) -> bool:
    wanted = {}
    for item in request.listed(b"accept-encoding").lower().split(b","):
        name, _, quality = item.partition(b";")
        wanted[name.strip()] = not _REFUSED.fullmatch(quality)
    return wanted.get(b"gzip", wanted.get(b"*", False))
