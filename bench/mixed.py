"""How long a sender waits for its answer while large pages are scraped by many, through real sockets."""

import json
import subprocess
import sys
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median

from bench import subject
from bench.alert import bodies
from bench.intake import KINDS, fill
from bench.load import answer_times, connections, requests
from bench.scraper import connect, scrape
from bench.subject import Subject
from bench.table import Row, at_most
from demo.servers import ROOT

RATE = 2000
SECONDS = 15
SERIES = 50_000
SCRAPERS = 5

SHARES = (0.5, 0.99, 0.999)


def answer_times_beside_scrapes(folder: Path) -> list[Row]:
    """At 2,000 alerts a second: alone, beside five that scrape 50,000 series every second, and the limit's own."""
    with subject.limit() as server:
        least = _percentiles(server)
    with subject.threatboard(folder, series={"limit": 4 * SERIES}) as server:
        fill(server, SERIES)
        with connect(server.show) as connection:
            scrape(connection)
            before = server.cpu()
            page = scrape(connection)
            cost = server.cpu() - before
        alone = _percentiles(server)
        waited = server.waited()
        command = [sys.executable, "-m", "bench.scraper", str(server.show), str(SECONDS)]
        with ExitStack() as stack:
            scrapers = [
                stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))  # noqa: S603
                for _ in range(SCRAPERS)
            ]
            beside = _percentiles(server)
            pages = [one["seconds"] for scraper in scrapers for one in json.loads(scraper.communicate()[0])]
        waited = (server.waited() - waited) / SECONDS
    middle, late, latest = beside
    scraped = (
        f"{len(pages)} scrapes of {median(pages) * 1e3:.0f} ms; the server had no core for {waited:.1%} of the time"
    )
    return [
        Row("p99 of the answer time beside five scrapers", late, "ms", at_most(20), scraped),
        Row("… p50", middle, "ms", None, f"without scrapes {alone[0]:.2f} ms; the limit {least[0]:.2f} ms"),
        Row(
            "… p99 beside scrapes : without",
            late / alone[1],
            "x",
            None,
            f"{alone[1]:.2f} ms; the limit {least[1]:.2f} ms",
        ),
        Row("… p99.9", latest, "ms", None, f"without scrapes {alone[2]:.2f} ms; the limit {least[2]:.2f} ms"),
        Row("… CPU of one scrape, gzip included", cost * 1e3, "ms", None, f"{page.bytes / 1e6:.2f} MB on the wire"),
    ]


def _percentiles(server: Subject) -> list[float]:
    """The answer time in milliseconds that each of `SHARES` of the requests stays within."""
    wanted = requests(server, islice(bodies(), KINDS))
    with connections(server) as sockets:
        times = sorted(answer_times(sockets, wanted, RATE, SECONDS))
    return [times[int(share * len(times))] * 1e3 for share in SHARES]
