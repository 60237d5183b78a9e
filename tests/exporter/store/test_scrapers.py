"""What a scraper is shown: each new series at zero once, whatever happens to connections."""

import pytest

from exporter.store.scrapers import FORGET_AFTER
from tests.support.scraping import INTERVAL, Server, World


def test_a_new_series_is_zero_once_then_true() -> None:
    world = World()
    server = Server(world)
    server.scrape()
    world.alert()
    for _ in range(3):
        world.clock.advance(INTERVAL)
        server.scrape()

    assert server.history() == [0, 1, 1]


def test_two_servers_behind_one_address_each_see_the_zero() -> None:
    world = World()
    one, two = Server(world), Server(world)
    one.scrape()
    world.clock.advance(5)
    two.scrape()
    world.alert()
    for _ in range(3):
        world.clock.advance(INTERVAL - 5)
        one.scrape()
        world.clock.advance(5)
        two.scrape()

    assert one.history() == [0, 1, 1]
    assert two.history() == [0, 1, 1]


def test_after_a_reconnection_the_zeros_of_the_last_answer_are_shown_again() -> None:
    """The answer may never have been read; what was confirmed before stays true."""
    world = World()
    server = Server(world)
    world.alert("old")
    for _ in range(3):
        server.scrape()
        world.clock.advance(INTERVAL)
    world.alert("new")
    server.scrape(read=False)
    server.reconnect()
    for _ in range(3):
        world.clock.advance(INTERVAL)
        server.scrape()

    assert server.history("new") == [0, 1, 1]
    assert server.history("old") == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("missed", [1, 3], ids=["at its next scrape", "three scrapes later"])
def test_of_two_lost_scrapers_at_one_address_the_one_that_is_due_is_taken_over(missed: int) -> None:
    world = World()
    one, two = Server(world), Server(world)
    for _ in range(2):
        one.scrape()
        world.clock.advance(4)
        two.scrape()
        world.clock.advance(INTERVAL - 4)
    world.alert()
    one.scrape()
    world.clock.advance(4)
    two.scrape()
    world.clock.advance(INTERVAL - 4)
    one.scrape()  # only `one` has confirmed the zero
    world.clock.advance(4)
    one.reconnect()
    two.reconnect()
    world.clock.advance(missed * INTERVAL)
    two.scrape()
    world.clock.advance(INTERVAL - 4)
    one.scrape()
    world.clock.advance(4)
    two.scrape()

    assert one.history() == [0, 1, 1]
    assert two.history() == [0, 0, 1]


def test_a_newcomer_does_not_take_the_place_of_a_scraper_whose_connection_is_open() -> None:
    world = World()
    one = Server(world)
    for _ in range(3):
        one.scrape()
        world.clock.advance(INTERVAL)
    world.alert()
    one.scrape()
    world.clock.advance(INTERVAL)
    one.scrape()
    newcomer = Server(world)
    newcomer.scrape()
    world.clock.advance(INTERVAL)
    one.scrape()
    newcomer.scrape()

    assert newcomer.history() == [0, 1]
    assert one.history() == [0, 1, 1]


def test_a_server_that_lost_power_takes_up_where_it_was() -> None:
    """Its old connection still looks open, but it has missed its time."""
    world = World()
    server = Server(world)
    world.alert()
    for _ in range(3):
        server.scrape()
        world.clock.advance(INTERVAL)
    server.reconnect(noticed=False)
    world.clock.advance(2 * INTERVAL)
    server.scrape()

    assert server.history() == [0, 1, 1, 1]


def test_a_server_at_another_address_is_shown_zero_for_young_series_and_the_truth_for_old_ones() -> None:
    world = World(settle=600)
    world.alert("old")
    world.clock.advance(601)
    world.alert("young")
    moved = Server(world, "10.0.0.2")
    moved.scrape()
    world.clock.advance(INTERVAL)
    moved.scrape()

    assert moved.history("old") == [1, 1]
    assert moved.history("young") == [0, 1]


def never_keeping(world: World, schedule: dict[str, tuple[float, float]], seconds: float) -> dict[str, list[int]]:
    """What clients see of a series that appears in the middle; each has an interval and an offset, and opens a
    connection for each scrape."""
    clients = {name: Server(world) for name in schedule}
    times = sorted(
        (offset + turn * interval, name)
        for name, (interval, offset) in schedule.items()
        for turn in range(int(seconds / interval))
    )
    now, alerted = 0.0, False
    for at, name in times:
        if not alerted and at > seconds / 3:
            world.alert()
            alerted = True
        world.clock.advance(at - now)
        now = at
        clients[name].reconnect()
        clients[name].scrape()
        clients[name].connection.closed = True
    return {name: client.history() for name, client in clients.items()}


@pytest.mark.parametrize(
    "schedule",
    [
        {"a": (15, 1)},
        {"a": (15, 1), "b": (15, 2)},
        {"a": (15, 1), "b": (15, 4), "c": (15, 7)},
        {"a": (15, 1), "b": (60, 6)},
        {"a": (10, 1), "b": (30, 3), "c": (120, 8)},
    ],
    ids=str,
)
def test_clients_that_never_keep_a_connection_see_zero_first_and_the_truth_in_the_end(
    schedule: dict[str, tuple[float, float]],
) -> None:
    """Also several at one address, as behind one that translates addresses: nothing tells them apart."""
    for history in never_keeping(World(), schedule, 1800).values():
        assert history[0] == 0
        assert history[-1] == 1
        assert history == sorted(history)


@pytest.mark.parametrize("gaps", [[2.0], [1.25, 0.75], [1.6, 0.4], [2.0, 1.0], [0.8, 1.2], [3.0, 1.0, 1.0]], ids=str)
def test_a_scrape_that_was_missed_or_late_makes_no_stranger_of_who_reconnects_after_it(gaps: list[float]) -> None:
    world = World()
    server = Server(world)
    for _ in range(3):
        server.scrape()
        world.clock.advance(INTERVAL)
    world.alert()
    for gap in [1.0, 1.0, *gaps]:
        server.scrape()
        world.clock.advance(gap * INTERVAL)
    server.reconnect()
    for _ in range(3):
        server.scrape()
        world.clock.advance(INTERVAL)

    assert server.history()[0] == 0
    assert server.history() == sorted(server.history())
    assert server.history()[-1] == 1


def test_answers_that_were_cut_off_do_not_count_as_seen() -> None:
    world = World()
    server = Server(world)
    server.scrape()
    world.alert()
    for _ in range(5):
        server.reconnect()
        world.clock.advance(INTERVAL)
        server.scrape(read=False)
    server.reconnect()
    for _ in range(2):
        world.clock.advance(INTERVAL)
        server.scrape()

    assert server.history() == [0, 1]


def test_zero_hold_goes_by_age_alone() -> None:
    world = World()
    world.scrapers.zero_hold = 60
    server = Server(world)
    server.scrape()
    world.alert()
    history = []
    for _ in range(6):
        world.clock.advance(INTERVAL)
        server.reconnect()
        history.append(server.scrape()["r"])

    assert history == [0, 0, 0, 1, 1, 1]


def test_a_scraper_that_is_long_gone_is_forgotten() -> None:
    """Its address may be another's by then, who would see everything since as new."""
    world = World(settle=600)
    server = Server(world)
    server.scrape()
    world.clock.advance(INTERVAL)
    server.scrape()
    server.reconnect()
    world.alert()
    world.clock.advance(FORGET_AFTER + 1)
    server.scrape()

    assert server.history() == [1]


def test_who_scrapes_again_and_again_is_counted_while_it_is_expected() -> None:
    world = World()
    one, two, curl = Server(world), Server(world, "10.0.0.2"), Server(world, "10.0.0.3")
    for server in (one, two, curl):
        server.scrape()
    assert world.scrapers.regular() == 0, "nobody knows yet who comes again"
    for _ in range(2):
        world.clock.advance(INTERVAL)
        one.scrape()
        two.scrape()
    assert world.scrapers.regular() == 2
    for _ in range(4):
        world.clock.advance(INTERVAL)
        one.scrape()
    assert world.scrapers.regular() == 1
