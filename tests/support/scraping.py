"""An exporter with one family, and servers that scrape it, on a clock that the test moves."""

from exporter.catalog import Metric
from exporter.server.http import Connection
from exporter.store.creation import CreationClock
from exporter.store.scrapers import Scrapers
from exporter.store.series import Family
from tests.support.clock import FakeClock

METRIC = Metric("t_total", "counter", "T.", ("rule",), stored=True, zero_first=True)
INTERVAL = 15.0


class World:
    """An exporter with one family, and servers that scrape it."""

    def __init__(self, settle: float = 600.0) -> None:
        self.clock = FakeClock()
        creation = CreationClock(self.clock)
        self.family = Family(METRIC, 1000, creation, self.clock)
        self.scrapers = Scrapers(creation, self.clock)
        self.scrapers.settle = settle

    def alert(self, rule: str = "r") -> None:
        self.clock.advance(0.001)
        self.family.add((rule,))
        self.clock.advance(0.001)


class Server:
    """A Prometheus: keeps one connection, stores what it read."""

    def __init__(self, world: World, address: str = "10.0.0.1") -> None:
        self.world = world
        self.address = address
        self.connection = Connection(address)
        self.stored: list[dict[str, int]] = []

    def scrape(self, *, read: bool = True) -> dict[str, int]:
        answer = self.world.scrapers.answer(self.connection)
        page = b"".join(self.world.family.slices(answer.cutoff)).decode()
        values = {line.split('"')[1]: int(line.rsplit(" ", 1)[1]) for line in page.splitlines()}
        if read:
            answer.done()
            self.stored.append(values)
        return values

    def reconnect(self, *, noticed: bool = True) -> None:
        self.connection.closed = noticed
        self.connection = Connection(self.address)

    def history(self, rule: str = "r") -> list[int]:
        return [values[rule] for values in self.stored if rule in values]
