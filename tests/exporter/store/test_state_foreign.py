"""What lies in the state's places and is no file of ours: the start neither waits for it nor changes it."""

import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.server.http import Connection
from exporter.store import ledger
from exporter.store.state import VERSION
from tests.support.clock import FakeClock
from tests.support.kept import Kept

NAMES = ("t_alerts_total.cells", "t_alerts_total.keys", "scrapers.json")
FRESH = ("t_alerts_total.cells.new", "t_alerts_total.keys.new", "scrapers.json.new")


def fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def directory(path: Path, _: Path) -> None:
    path.mkdir(mode=0o755)
    (path / "x").touch()


def link_to_a_file(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def link_to_nothing(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("nothing"))


def link_to_a_directory(path: Path, victim: Path) -> None:
    path.symlink_to(victim.parent)


def link_to_a_device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def unix_socket(path: Path, _: Path) -> None:
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{short}/s")
        Path(f"{short}/s").rename(path)


def device(path: Path, _: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes devices")
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


KINDS = (
    fifo,
    directory,
    link_to_a_file,
    link_to_nothing,
    link_to_a_directory,
    link_to_a_device,
    unix_socket,
    device,
)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of somebody else."""
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o755)
    file = folder / "victim"
    file.write_text("somebody's")
    file.chmod(0o644)
    return file


def assert_untouched(victim: Path) -> None:
    assert victim.read_text() == "somebody's"
    assert stat.S_IMODE(victim.stat().st_mode) == 0o644
    assert stat.S_IMODE(victim.parent.stat().st_mode) == 0o755
    assert [path.name for path in victim.parent.iterdir()] == ["victim"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [*NAMES, *FRESH])
@pytest.mark.parametrize("put", KINDS)
def test_whatever_is_in_a_files_place_the_start_does_not_wait_and_what_is_counted_is_kept(
    put: Callable[[Path, Path], None], name: str, victim: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    with Kept(folder) as kept:
        kept.add("old")
        kept.store.families["t_seen_seconds"].set(("node-1",), 9)
        kept.state.write_scrapers({})
    path = folder / VERSION / name
    path.unlink(missing_ok=True)
    put(path, victim)

    with Kept(folder) as kept:
        kept.add("new")
        kept.state.write_scrapers({})
        assert kept.every_value()["node-1",] == 9, "another family's"
        assert kept.healthy()
    with Kept(folder) as kept:
        assert kept.values()["new"] == 1
        kept.alerts._ledger._keys._stale = kept.alerts._ledger._cells._stale = True  # type: ignore[attr-defined]
        kept.expire()
        assert kept.healthy(), "what is written anew finds its place"
    assert_untouched(victim)
    assert name in FRESH or "is not a regular file" in caplog.text or "is no file" in caplog.text


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put", KINDS)
def test_foreign_notes_of_scrapers_raise_no_wave_of_false_steps(
    put: Callable[[Path, Path], None], victim: Path, tmp_path: Path
) -> None:
    clock = FakeClock()
    with Kept(tmp_path / "state", clock=clock) as kept:
        kept.add("old", 5)
    clock.advance(1000)
    put(tmp_path / "state" / VERSION / "scrapers.json", victim)
    with Kept(tmp_path / "state", clock=clock) as kept:
        cutoff = kept.scrapers.answer(Connection("10.0.0.1")).cutoff
        assert b"".join(kept.alerts.slices(cutoff)).endswith(b" 5\n")


@pytest.mark.parametrize("put", KINDS)
@pytest.mark.parametrize("name", ["link", "other.keys", "other.cells", "other.new"])
def test_what_lies_beside_the_files_is_left_alone(
    put: Callable[[Path, Path], None], name: str, victim: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    (folder / VERSION).mkdir(parents=True)
    put(folder / VERSION / name, victim)
    before = (folder / VERSION / name).lstat().st_mode
    with Kept(folder) as kept:
        kept.add("a")
        assert kept.healthy()
    assert_untouched(victim)
    if name != "other.new":
        assert (folder / VERSION / name).lstat().st_mode == before


@pytest.mark.parametrize(
    ("put", "name"),
    [(put, name) for put in KINDS for name in ("lock", VERSION) if (put, name) != (directory, VERSION)],
)
def test_where_there_is_no_lock_or_folder_of_ours_counting_is_in_memory_and_says_why(
    put: Callable[[Path, Path], None], name: str, victim: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    put(folder / name, victim)
    with Kept(folder) as kept:
        kept.add("a", 3)
        assert kept.values() == {"a": 3}
        assert not kept.healthy()
    assert "cannot be used" in caplog.text
    assert_untouched(victim)


def test_cells_that_claim_a_huge_size_are_read_only_as_far_as_there_can_be_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Kept(tmp_path) as kept:
        kept.add("a", 3)
    os.truncate(tmp_path / VERSION / "t_alerts_total.cells", 4096 + 24 * 200_000_000)
    monkeypatch.setattr(ledger, "SLOTS", 5000)
    read = 0
    pread = os.pread

    def counted(file: int, size: int, at: int) -> bytes:
        nonlocal read
        read += size
        assert read < 24 * 100_000, "the file claims gigabytes"
        return pread(file, size, at)

    monkeypatch.setattr(os, "pread", counted)
    with Kept(tmp_path) as kept:
        assert read
        kept.add("b")
        assert kept.values() == {"a": 3, "b": 1}
    with Kept(tmp_path) as kept:
        assert kept.values() == {"a": 3, "b": 1}


def test_more_series_than_are_looked_at_in_any_file_are_all_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SLOTS", 10)
    with Kept(tmp_path, limit=3000) as kept:
        for number in range(3000):
            kept.add(f"r{number}")
        expected = kept.values()
    with Kept(tmp_path, limit=3000) as kept:
        assert kept.values() == expected
