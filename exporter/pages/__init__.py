"""The listener that shows: metrics, probes, recent events and the status page (an ASGI application)."""

import asyncio
import logging
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from exporter.config.credentials import Secret
from exporter.metrics import Metrics
from exporter.server.access import CHALLENGE, has_token, is_local
from exporter.server.http import Answer, Headers, Request
from exporter.store.scrapers import Connection, Scrapers

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

_log = logging.getLogger("threatboard")

SCRAPER_HEADER = b"x-prometheus-scrape-timeout-seconds"
"""What Prometheus and everything built on its scrape loop sends, and a person does not."""

SEND_TIMEOUT = 60.0
"""Seconds that a client may take to read a page."""

CHUNK = 64 * 1024
"""Bytes of a page that are gathered before they are compressed and sent: work for which an event may have to wait."""

_REFUSED = re.compile(rb"\s*q=0(?:\.0*)?\s*")

View = Callable[[Mapping[str, str]], Answer]
"""A page that shows events: the query's parameters -> the answer."""


class Pages:
    """Answers the requests of the show listener.

    `token` is what people elsewhere than on this machine present to see events, and with `protect_metrics` also what
    scrapers present.
    """

    def __init__(
        self,
        metrics: Metrics,
        scrapers: Scrapers,
        ready: Callable[[], bool],
        views: Mapping[str, View],
    ) -> None:
        self.token: Secret | None = None
        self.protect_metrics = False
        self._metrics = metrics
        self._scrapers = scrapers
        self._views = views
        self._probes: dict[str, Callable[[], bool]] = {"/healthz": lambda: True, "/readyz": ready}

    async def __call__(self, scope: "Scope", _receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        assert scope["type"] == "http"
        path = scope["path"]
        request = Request(scope["method"].encode(), scope["raw_path"], list(scope["headers"]))
        connection: Connection = cast("dict[str, Any]", scope)["state"]["connection"]
        refusal = self._refuse(path, request, connection)
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                if refusal is not None:
                    await _send(refusal, send)
                elif path == "/metrics":
                    await self._send_metrics(request, connection, send)
                elif path in self._probes:
                    good = self._probes[path]()
                    await _send(_text(200, "ok") if good else _text(503, "not ready"), send)
                else:
                    await _send(self._view(path, scope["query_string"]), send)
        except TimeoutError:
            connection.abort()

    def _view(self, path: str, query: bytes) -> Answer:
        try:
            return self._views[path](dict(parse_qsl(query.decode("utf-8", "replace"))))
        except Exception:  # noqa: BLE001  # uvicorn would answer in plain text
            _log.exception("%s could not be shown", path)
            return Answer.refusal(500, "", "threatboard failed to show this; its log says why")

    def _refuse(self, path: str, request: Request, connection: Connection) -> Answer | None:
        paths = ("/metrics", *self._probes, *self._views)
        if path not in paths:
            return Answer.refusal(404, "not_found", f"there is no such page; there are {' '.join(paths)}")
        if request.method not in (b"GET", b"HEAD"):
            return Answer.refusal(405, "method", "pages are read with GET", (b"allow", b"GET, HEAD"))
        if path in self._probes or (path == "/metrics" and not self.protect_metrics):
            return None
        if self.token is not None and has_token(request, self.token):
            return None
        presented = self.token is not None and request.header(b"authorization")
        if path in self._views and not presented and is_local(connection.address, request):
            return None
        if self.token is not None:
            sentence = (
                "no credentials or wrong ones; send the token of metrics.auth as Bearer, or as the password of Basic"
            )
            return Answer.refusal(401, "unauthorized", sentence, CHALLENGE)
        sentence = (
            "this page shows what attackers typed, so without metrics.auth it is only for a person on this machine: "
            "run kubectl port-forward POD 9376 and open http://localhost:9376/"
        )
        return Answer.refusal(403, "", sentence)

    async def _send_metrics(self, request: Request, connection: Connection, send: "ASGISendCallable") -> None:
        # A HEAD shows no zeros: the GET after it must not take them for shown.
        scraped = request.method == b"GET" and request.header(SCRAPER_HEADER)
        scrape = self._scrapers.answer(connection) if scraped else None
        accept = request.header(b"accept").decode("latin-1")
        content_type, page = self._metrics.page(accept, scrape.cutoff if scrape else None)
        headers: Headers = [(b"content-type", content_type.encode()), (b"vary", b"accept, accept-encoding")]
        page = _gathered(page)
        if _takes_gzip(request):
            headers.append((b"content-encoding", b"gzip"))
            page = _gzipped(page)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in page:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)  # between two chunks the other listener's events are taken
            if connection.closed:
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if scrape is not None and not connection.closed:
            scrape.done()


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same as gzip at its cheapest level: a page is large, repetitive, and read once."""
    stream = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield stream.compress(piece)
    yield stream.flush()


def _takes_gzip(request: Request) -> bool:
    wanted = {}
    for item in request.header(b"accept-encoding").lower().split(b","):
        name, _, quality = item.partition(b";")
        wanted[name.strip()] = not _REFUSED.fullmatch(quality)
    return wanted.get(b"gzip", wanted.get(b"*", False))


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode() + b"\n", ((b"content-type", b"text/plain; charset=utf-8"),))


async def _send(answer: Answer, send: "ASGISendCallable") -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
