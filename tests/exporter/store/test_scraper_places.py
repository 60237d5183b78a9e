"""Who is remembered and waited for: places are bounded, and nobody takes that of one who is expected."""

from exporter.store.scrapers import LIVE, LONGEST_INTERVAL, MAX_SCRAPERS
from tests.support.scraping import INTERVAL, Server, World


def test_identities_are_bounded() -> None:
    world = World()
    for number in range(2 * MAX_SCRAPERS):
        server = Server(world, f"10.0.{number // 256}.{number % 256}")
        server.scrape()
        server.connection.closed = True

    assert len(world.scrapers._known) <= MAX_SCRAPERS + 1


def test_scrapers_are_bounded_and_a_regular_one_keeps_its_place() -> None:
    """Whatever number of clients scrape once each, their connections left open or not."""
    world = World()
    regular = Server(world, "10.9.9.9")
    for _ in range(2):
        regular.scrape()
        world.clock.advance(INTERVAL)
    for number in range(5 * MAX_SCRAPERS):
        stranger = Server(world, f"10.0.{number // 256}.{number % 256}")
        stranger.scrape()
        stranger.connection.closed = number % 2 == 0
        assert len(world.scrapers._known) <= MAX_SCRAPERS
        if number % 40 == 0:
            world.clock.advance(INTERVAL)
            regular.scrape()
    world.alert()
    for _ in range(3):
        world.clock.advance(INTERVAL)
        regular.scrape()
    assert regular.history() == [0, 1, 1]


def test_one_address_takes_half_of_the_places_at_most() -> None:
    world = World()
    strangers = [Server(world, "10.0.0.1") for _ in range(2 * MAX_SCRAPERS)]
    for _ in range(2):
        for stranger in strangers:
            stranger.scrape()
        world.clock.advance(INTERVAL)
    other = Server(world, "10.0.0.2")
    other.scrape()
    world.alert()
    for _ in range(3):
        world.clock.advance(INTERVAL)
        other.scrape()
    assert len(world.scrapers._known) == MAX_SCRAPERS // 2 + 1
    assert other.history() == [0, 1, 1]


def test_who_finds_no_place_is_shown_zeros_by_age() -> None:
    world = World(settle=600)
    regular = [Server(world, f"10.0.0.{number}") for number in range(MAX_SCRAPERS)]
    for _ in range(2):
        for server in regular:
            server.scrape()
        world.clock.advance(INTERVAL)
    late = Server(world, "10.1.1.1")
    world.alert()
    assert [late.scrape()["r"] for _ in range(2)] == [0, 0]
    world.clock.advance(601)
    assert late.scrape()["r"] == 1


def test_a_client_that_scraped_once_delays_no_drain() -> None:
    world = World()
    regular, once = Server(world), Server(world, "10.0.0.2")
    once.scrape()
    once.connection.closed = True
    world.alert()
    for _ in range(2):
        regular.scrape()
        world.clock.advance(INTERVAL)
    stopped = world.clock.monotonic()
    assert not world.scrapers.satisfied(stopped)
    regular.scrape()
    assert world.scrapers.satisfied(stopped)


def test_no_client_is_waited_for_longer_than_prometheus_remembers_a_series() -> None:
    world = World()
    rare = Server(world)
    rare.scrape()
    world.clock.advance(3600)
    rare.scrape()
    world.clock.advance(LIVE * LONGEST_INTERVAL + 1)
    assert world.scrapers.satisfied(world.clock.monotonic())


def test_a_newcomer_does_not_take_the_place_of_one_that_is_not_due() -> None:
    """Two behind one address: the first has lost its connection, and the second comes in the middle of its interval."""
    world = World()
    one = Server(world)
    for _ in range(2):
        one.scrape()
        world.clock.advance(INTERVAL)
    world.alert()
    one.scrape()
    world.clock.advance(INTERVAL)
    one.scrape()
    one.reconnect()
    world.clock.advance(INTERVAL / 2)
    newcomer = Server(world)
    newcomer.scrape()
    world.clock.advance(INTERVAL / 2)
    one.scrape()
    newcomer.scrape()

    assert newcomer.history() == [0, 1]
    assert one.history() == [0, 1, 1]
