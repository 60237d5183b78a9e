"""After a restart every scraper is shown what it has not seen, and nothing twice, whatever the clock did."""

import json
import logging
from pathlib import Path

import pytest

from exporter.server.http import Connection
from exporter.store.state import VERSION
from tests.support.clock import FakeClock
from tests.support.kept import Kept


def scrape(kept: Kept, connection: Connection) -> dict[str, int]:
    answer = kept.scrapers.answer(connection)
    page = b"".join(kept.alerts.slices(answer.cutoff)).decode()
    answer.done()
    kept.clock.advance(15)
    return {line.split('"')[1]: int(line.rsplit(" ", 1)[1]) for line in page.splitlines()}


@pytest.mark.parametrize("down", [0.0, 3700.0, 1e6])
def test_after_a_kill_each_of_two_scrapers_sees_each_step_from_zero_to_one_once(down: float, tmp_path: Path) -> None:
    clock = FakeClock()
    with Kept(tmp_path, clock=clock) as first:
        one, two = Connection("10.0.0.1"), Connection("10.0.0.2")
        scrape(first, one), scrape(first, two)
        first.add("seen by both")
        histories = [[scrape(first, who) for _ in range(2)] for who in (one, two)]
        first.add("zero seen by one")
        histories[0].append(scrape(first, one))
        first.add("seen by nobody")
    clock.advance(down)
    with Kept(tmp_path, clock=clock) as second:
        one, two = Connection("10.0.0.1"), Connection("10.0.0.2")
        for _ in range(3):
            for history, who in zip(histories, (one, two), strict=True):
                history.append(scrape(second, who))

    def seen(scraper: int, rule: str) -> list[int]:
        return [values[rule] for values in histories[scraper] if rule in values]

    for scraper in (0, 1):
        assert seen(scraper, "seen by both") == sorted(seen(scraper, "seen by both"))
        for rule in ("zero seen by one", "seen by nobody"):
            assert seen(scraper, rule) == sorted(seen(scraper, rule))
            assert seen(scraper, rule)[0] == 0
            assert seen(scraper, rule)[-1] == 1


def test_a_scraper_that_has_not_seen_a_zero_sees_it_after_a_kill_though_another_has_seen_the_value(
    tmp_path: Path,
) -> None:
    """Nothing else is born: only what is restored of the series itself can tell that it is young to somebody."""
    clock = FakeClock()
    with Kept(tmp_path, clock=clock) as first:
        one, two = Connection("10.0.0.1"), Connection("10.0.0.2")
        scrape(first, one), scrape(first, two)
        first.add("a")
        assert [scrape(first, one)["a"] for _ in range(3)] == [0, 1, 1]
    with Kept(tmp_path, clock=clock) as second:
        one, two = Connection("10.0.0.1"), Connection("10.0.0.2")
        assert [scrape(second, two)["a"] for _ in range(3)] == [0, 1, 1]
        assert scrape(second, one)["a"] == 1


def test_what_zero_hold_has_shown_does_not_fall_to_zero_at_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    with Kept(tmp_path, clock=clock) as first:
        first.scrapers.zero_hold = 30
        first.add("old")
        history = [scrape(first, Connection("10.0.0.1"))["old"] for _ in range(4)]
        assert history[0] == 0
    with Kept(tmp_path, clock=clock) as second:
        second.scrapers.zero_hold = 30
        history += [scrape(second, Connection("10.0.0.1"))["old"] for _ in range(4)]
    assert history == sorted(history)
    assert history[3:5] == [1, 1]


def test_scraper_notes_that_cannot_be_read_raise_no_wave_of_false_steps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with Kept(tmp_path, clock=clock) as first:
        first.add("old", 5)
        scrape(first, Connection("10.0.0.1"))
    clock.advance(1000)
    for notes in (b'{"shown": 1', b"[]", b'{"shown": "x", "scrapers": []}'):
        (tmp_path / VERSION / "scrapers.json").write_bytes(notes)
        with Kept(tmp_path, clock=clock) as second:
            assert scrape(second, Connection("10.0.0.1")) == {"old": 5}
    assert "scrapers.json cannot be read" in caplog.text


@pytest.mark.parametrize("between", [0.0, -7200.0, 7200.0], ids=["steady", "back at the restart", "ahead"])
@pytest.mark.parametrize("within", [0.0, -7200.0, 7200.0], ids=["steady", "back", "ahead"])
@pytest.mark.parametrize("zero_hold", [0.0, 20.0])
def test_whatever_the_wall_clock_does_a_shown_value_stays_and_a_new_one_is_a_step_from_zero(
    zero_hold: float, within: float, between: float, tmp_path: Path
) -> None:
    clock = FakeClock()
    who = Connection("10.0.0.1")
    with Kept(tmp_path, clock=clock) as first:
        first.scrapers.zero_hold = zero_hold
        first.add("old")
        history = [scrape(first, who) for _ in range(3)]
        clock.wall += within
        first.add("new")
        history += [scrape(first, who) for _ in range(4)]
    clock.wall += between
    with Kept(tmp_path, clock=clock) as second:
        second.scrapers.zero_hold = zero_hold
        who = Connection("10.0.0.1")
        history.append(scrape(second, who))
        second.add("newest")
        history += [scrape(second, who) for _ in range(4)]

    for rule, first_one in (("old", 0), ("new", 0), ("newest", 0)):
        values = [page[rule] for page in history if rule in page]
        assert values[0] == first_one
        assert values[-1] == 1
        assert values == sorted(values), (rule, values)


def test_the_notes_about_scrapers_are_json_that_a_person_can_read(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        kept.add("a")
        scrape(kept, Connection("10.0.0.1"))

    content = json.loads((tmp_path / VERSION / "scrapers.json").read_text())
    assert content["scrapers"][0][0] == "10.0.0.1"


@pytest.mark.parametrize("number", [2**62, 2**200], ids=["far future", "no stamp at all"])
def test_notes_from_the_future_hide_no_first_alert(number: int, tmp_path: Path) -> None:
    clock = FakeClock()
    with Kept(tmp_path, clock=clock) as first:
        first.add("old")
        [scrape(first, Connection("10.0.0.1")) for _ in range(3)]
    notes = {"shown": number, "scrapers": [["10.0.0.1", number, number, clock.time(), 15.0]]}
    (tmp_path / VERSION / "scrapers.json").write_text(json.dumps(notes))
    with Kept(tmp_path, clock=clock) as second:
        who = Connection("10.0.0.1")
        scrape(second, who)
        second.add("new")
        history = [scrape(second, who)["new"] for _ in range(3)]
    assert history == [0, 1, 1]


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "threatboard")
