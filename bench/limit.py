"""The limit: the least that a Python server can do with an alert, to compare with. `python -m bench.limit PORT`.

uvloop reads, httptools takes the request apart, orjson its body, and a dictionary counts. Nothing is bounded, checked,
kept or shown.
"""

import asyncio
import sys
from collections import Counter

import httptools
import orjson
import uvloop

from demo.servers import HOST

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"

Key = tuple[str, str, str, str, str, str]


def key(body: bytes) -> Key:
    """What an alert is counted under, by someone who trusts whoever sends it."""
    alert = orjson.loads(body)
    fields = alert["output_fields"]
    return (
        alert["rule"],
        alert["priority"],
        alert["source"],
        alert["hostname"],
        fields["k8s.ns.name"],
        fields["k8s.pod.name"],
    )


class Limit(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counter[Key]) -> None:
        self._counts = counts
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._body:
            self._counts[key(self._body)] += 1
        self._body = b""
        self._transport.write(_ANSWER)


async def serve(port: int) -> None:
    counts: Counter[Key] = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: Limit(counts), HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
