"""A Prometheus that scrapes every second, as a process of its own: `python -m bench.scraper PORT TIMES`.

Prints a JSON array with one object for each scrape: `seconds` until the page is there, and its `bytes` on the wire.
"""

import json
import socket
import sys
import time
from dataclasses import asdict, dataclass

from demo.servers import HOST

INTERVAL = 1.0
_END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Scrape:
    """One page."""

    seconds: float
    bytes: int


def connect(port: int) -> socket.socket:
    """A scraper's connection, kept for all its scrapes."""
    return socket.create_connection((HOST, port), 30)


def scrape(connection: socket.socket) -> Scrape:
    """Reads one page as Prometheus 3 asks for it, without looking at it: that is another machine's work."""
    began = time.perf_counter()
    connection.sendall(
        b"GET /metrics HTTP/1.1\r\nHost: threatboard:9376\r\nUser-Agent: Prometheus/3.5.0\r\n"
        b"Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;"
        b"escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n"
        b"Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
    )
    size, tail = 0, b""
    while not tail.endswith(_END):
        chunk = connection.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server ended the page in the middle")
        size += len(chunk)
        tail = (tail + chunk)[-len(_END) :]
    return Scrape(time.perf_counter() - began, size)


def main(port: int, times: int) -> None:
    """Scrapes this many times."""
    scrapes = []
    with connect(port) as connection:
        for _ in range(times):
            due = time.perf_counter() + INTERVAL
            scrapes.append(asdict(scrape(connection)))
            time.sleep(max(0.0, due - time.perf_counter()))
    json.dump(scrapes, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
