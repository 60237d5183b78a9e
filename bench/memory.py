"""Resident memory at rest and with series, after they were scraped."""

from pathlib import Path

from bench import subject
from bench.intake import fill
from bench.scraper import connect, scrape
from bench.table import Row, Target, at_most

SIZES: tuple[tuple[int, Target | None], ...] = ((0, None), (1_000, at_most(45)), (100_000, at_most(150)))


def resident(folder: Path) -> list[Row]:
    """One server for each size; beside the limit, which holds nothing."""
    with subject.limit() as server:
        least = server.resident() / 1e6
    rows = []
    for series, target in SIZES:
        with subject.threatboard(folder, series={"limit": max(20_000, 2 * series)}) as server:
            if series:
                fill(server, series)
            with connect(server.show) as connection:
                scrape(connection)
                scrape(connection)
            held = server.resident() / 1e6
        what = f"memory with {series:,} series" if series else "memory at rest"
        rows.append(Row(what, held, "MB", target, f"{held / least:.1f} times the limit's {least:.0f} MB"))
    return rows
