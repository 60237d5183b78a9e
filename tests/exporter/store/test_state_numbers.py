"""Whatever numbers stand in a cells file, the program starts, counts on, and shows new series at 0 first."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.server.http import Connection
from exporter.store.series import COUNTS_TO
from exporter.store.state import VERSION
from tests.support.clock import FakeClock
from tests.support.kept import Kept

CELL = struct.Struct("=3Q")
HEADER = 4096
NAMED = ("a", "b", "c")

WORDS = st.sampled_from([0, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]) | st.integers(
    0, 2**64 - 1
)
CELLS = st.lists(st.tuples(WORDS, WORDS, st.none() | WORDS), min_size=len(NAMED), max_size=8)


def page(kept: Kept, who: Connection) -> dict[str, int]:
    answer = kept.scrapers.answer(who)
    lines = b"".join(kept.alerts.slices(answer.cutoff)).decode().splitlines()
    answer.done()
    kept.clock.advance(15)
    return {line.split('"')[1]: int(line.rsplit(" ", 1)[1]) for line in lines}


def lived(folder: Path, clock: FakeClock) -> Path:
    """A life in which series were counted and shown; the file of its numbers."""
    with Kept(folder, clock=clock) as kept:
        for rule in NAMED:
            kept.add(rule)
        who = Connection("10.0.0.1")
        for _ in range(3):
            page(kept, who)
    return folder / VERSION / "t_alerts_total.cells"


def poke(file: Path, cells: list[tuple[int, int, int | None]]) -> None:
    """Writes words into the first cells; a check that is None stays."""
    content = bytearray(file.read_bytes())
    for slot, (value, created, check) in enumerate(cells):
        at = HEADER + slot * CELL.size
        kept_check = CELL.unpack_from(content, at)[2]
        CELL.pack_into(content, at, value, created, kept_check if check is None else check)
    file.write_bytes(content)


@settings(max_examples=60, deadline=None)
@given(CELLS)
def test_no_words_in_cells_stop_the_start_or_hide_what_comes(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[int, int, int | None]]
) -> None:
    folder, clock = tmp_path_factory.mktemp("any"), FakeClock()
    poke(lived(folder, clock), cells)
    for life in range(3):
        with Kept(folder, clock=clock) as kept:
            who = Connection("10.0.0.1")
            page(kept, who)
            before = kept.values()
            for rule in NAMED:
                kept.add(rule)
            kept.add(f"new {life}")
            after = [page(kept, who)[f"new {life}"] for _ in range(3)]
            assert after == [0, 1, 1], "a new series is shown at 0 to who scraped before"
            assert kept.healthy()
            assert all(kept.values()[rule] in (before.get(rule, 0) + 1, 1) for rule in NAMED)


def test_a_stamp_that_no_clock_has_given_makes_no_false_step_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    poke(lived(tmp_path, clock), [(7, 2**64 - 1, None)])
    with Kept(tmp_path, clock=clock) as kept:
        assert [page(kept, Connection(address))["a"] for address in ("10.0.0.1", "10.0.0.2")] == [7, 7]
    assert "1 series have a creation stamp that cannot be" in caplog.text
    caplog.clear()
    with Kept(tmp_path, clock=clock) as kept:
        assert page(kept, Connection("10.0.0.1"))["a"] == 7
    assert "creation stamp" not in caplog.text


@pytest.mark.parametrize("wall", [0.0, 1e6])
def test_a_machine_whose_clock_begins_in_1970_goes_on_after_the_stamps_it_has(wall: float, tmp_path: Path) -> None:
    clock = FakeClock()
    lived(tmp_path, clock)
    clock.wall = wall
    with Kept(tmp_path, clock=clock) as kept:
        who = Connection("10.0.0.1")
        assert page(kept, who) == dict.fromkeys(NAMED, 1)
        kept.add("new")
        assert [page(kept, who)["new"] for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("value", [COUNTS_TO + 1, 2**64 - 1])
def test_a_counter_too_large_to_count_by_ones_begins_anew(value: int, tmp_path: Path) -> None:
    clock = FakeClock()
    poke(lived(tmp_path, clock), [(value, 1, None)])
    with Kept(tmp_path, clock=clock) as kept:
        assert kept.values()["a"] == value
        kept.add("a")
        assert kept.values()["a"] == 1
        kept.add("a")
        assert kept.values()["a"] == 2
