"""A disk that is full or fails stops no counting, is told, and what it did not take is written later."""

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.store import cells, keys
from exporter.store.state import VERSION
from tests.support.clock import FakeClock
from tests.support.kept import Kept


class Disk:
    """The disk as the files see it: with room, without, or failing in another way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self.room = 0
        self._write, self._allocate = os.write, os.posix_fallocate
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "posix_fallocate", self.allocate)

    def fail(self, error: int, room: int = 0) -> None:
        """From now on it takes only this many bytes more."""
        self.error, self.room = error, room

    def work(self) -> None:
        self.error = None

    def write(self, file: int, content: bytes) -> int:
        if self.error is None:
            return self._write(file, content)
        part = content[: self.room]
        self.room -= len(part)
        if part:
            return self._write(file, part)
        raise OSError(self.error, os.strerror(self.error))

    def allocate(self, file: int, start: int, size: int) -> None:
        if self.error is not None and os.fstat(file).st_size < size:
            raise OSError(self.error, os.strerror(self.error))
        self._allocate(file, start, size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    return Disk(monkeypatch)  # type: ignore[return-value]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("room", [0, 1, 30, 60])
def test_names_that_a_disk_does_not_take_are_told_and_written_later(
    room: int, error: int, disk: Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where half a line was written, and with what expires meanwhile."""
    with Kept(tmp_path) as first:
        first.add("before")
        disk.fail(error, room)
        first.clock.advance(4000)
        for rule in ("a", "b", "a"):
            first.add(rule)
        first.expire()
        first.add("in the place of before")
        assert first.values() == {"a": 2, "b": 1, "in the place of before": 1}
        assert not first.healthy()
        assert os.strerror(error) in caplog.text

        disk.work()
        first.expire()
        assert first.healthy()
        assert "is kept again" in caplog.text
        first.add("after")
    with Kept(tmp_path) as second:
        assert second.values() == {"a": 2, "b": 1, "in the place of before": 1, "after": 1}


def test_killed_while_the_disk_takes_no_names_no_count_is_anybody_elses(disk: Disk, tmp_path: Path) -> None:
    with Kept(tmp_path) as first:
        first.add("idle", 7)
        first.clock.advance(3000)
        first.add("busy", 2)
        disk.fail(errno.ENOSPC)
        first.clock.advance(1000)
        first.expire()
        first.add("in the place of idle", 40)
        first.add("busy", 2)
    disk.work()
    with Kept(tmp_path) as second:
        assert second.values() == {"busy": 4}


def test_names_that_wait_for_a_disk_are_bounded(disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_UNWRITTEN", 500)
    with Kept(tmp_path) as first:
        disk.fail(errno.ENOSPC)
        for number in range(50):
            first.add(f"r{number}")
        assert len(first.state.ledger("t_alerts_total")._keys._unwritten) <= 500  # type: ignore[attr-defined]
        first.expire()
        assert not first.healthy()
        disk.work()
        first.expire()
        assert first.healthy()
        first.add("after")
    with Kept(tmp_path) as second:
        assert second.values() == {f"r{number}": 1 for number in range(50)} | {"after": 1}


def test_a_directory_on_a_full_disk_is_counted_in_memory_and_kept_once_there_is_room(
    disk: Disk, tmp_path: Path
) -> None:
    disk.fail(errno.ENOSPC)
    with Kept(tmp_path) as first:
        for number in range(30):
            first.add(f"r{number}", 2)
        assert len(first.values()) == 30
        assert not first.healthy()
        disk.work()
        first.expire()
        assert first.healthy()
        first.add("r7")
    with Kept(tmp_path) as second:
        assert second.values() == {f"r{number}": 2 + (number == 7) for number in range(30)}


def test_series_that_the_disk_has_no_room_for_wait_and_what_is_kept_stays_kept(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "STEP", 10)
    with Kept(tmp_path) as first:
        for number in range(10):
            first.add(f"r{number}")
        disk.fail(errno.ENOSPC, room=1000)  # for names
        first.add("no room", 7)
        first.add("r1")
        assert first.values()["no room"] == 7
        assert not first.healthy()
        disk.work()
        first.expire()
        first.add("room")
        assert first.healthy()
    with Kept(tmp_path) as second:
        kept = {f"r{number}": 1 + (number == 1) for number in range(10)} | {"no room": 7, "room": 1}
        assert second.values() == kept


def test_the_store_grows_while_a_page_is_being_rendered(tmp_path: Path) -> None:
    with Kept(tmp_path, limit=20_000) as kept:
        for number in range(2000):
            kept.add(f"r{number}")
        page = kept.alerts.slices(None)
        lines = next(page)
        for number in range(2000, 5000):
            kept.add(f"r{number}")
        assert (lines + b"".join(page)).count(b"\n") >= 2000


def cut_to_nothing(file: Path) -> None:
    os.truncate(file, 0)


def cut_by_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def removed(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_to_nothing, cut_by_half, removed, replaced])
@pytest.mark.parametrize("part", ["cells", "keys"])
def test_a_file_that_is_damaged_in_use_is_told_and_written_anew(
    part: str, damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that mapped the file would end by SIGBUS at the next event."""
    with Kept(tmp_path, limit=1000) as first:
        for number in range(100):
            first.add(f"r{number}", number + 1)
        damage(tmp_path / VERSION / f"t_alerts_total.{part}")
        first.add("r1")
        first.add("new", 5)
        first.expire()
        assert f"t_alerts_total.{part} was cut short or replaced while in use" in caplog.text
        assert f"t_alerts_total.{part} is kept again" in caplog.text
        assert first.healthy()
        first.add("r2")
        expected = first.values()
    with Kept(tmp_path, limit=1000) as second:
        assert second.values() == expected
        assert (expected["r1"], expected["r2"], expected["new"]) == (3, 4, 5)


class Model:
    """A store on a disk that fills and a process that dies, beside what it should count."""

    LIMIT = 10

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.folder = folder
        self.disk = disk
        self.clock = FakeClock()
        self.counts: dict[str, int] = {}
        self.touched: dict[str, float] = {}
        self.unkept: set[str] = set()
        self.kept = Kept(folder, self.LIMIT, self.clock)

    def add(self, number: int) -> None:
        rule = f"r{number}"
        self.kept.add(rule)
        if rule in self.counts or len(self.counts) < self.LIMIT:
            if rule not in self.counts and self.disk.error:
                self.unkept.add(rule)
            self.counts[rule] = self.counts.get(rule, 0) + 1
            self.touched[rule] = self.clock.steady

    def expire(self, _: int) -> None:
        self.kept.store.expire(20, seen=0)
        for gone in [rule for rule, when in self.touched.items() if self.clock.steady - when > 20]:
            del self.counts[gone], self.touched[gone]
        if self.disk.error is None:
            self.unkept.clear()

    def fill_disk(self, room: int) -> None:
        self.disk.fail(errno.ENOSPC, room)

    def make_room(self, _: int) -> None:
        self.disk.work()

    def kill(self, _: int) -> None:
        self.disk.work()
        self.kept.__exit__(None, None, None)
        self.kept = Kept(self.folder, self.LIMIT, self.clock)
        for rule in self.unkept - self.kept.values().keys():
            self.counts.pop(rule, None)
        self.unkept.clear()
        self.touched = dict.fromkeys(self.counts, self.clock.steady)


STEPS = (Model.add, Model.add, Model.add, Model.expire, Model.kill, Model.fill_disk, Model.make_room)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 12)), max_size=60))
def test_any_order_of_events_expiries_kills_and_full_disks_counts_what_was_sent(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Callable[[Model, int], None], int]]
) -> None:
    """All that a kill may lose are the names that a full disk did not take: their series begin anew."""
    folder = tmp_path_factory.mktemp("any")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "REWRITE_ABOVE", 200)
        model = Model(folder, Disk(patch))
        for step, number in steps:
            model.clock.advance(1)
            step(model, number)
            assert model.kept.values() == model.counts
        model.kept.__exit__(None, None, None)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "threatboard")
