"""What was counted is there after a kill, at whatever moment, and whatever became of the files."""

import logging
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from exporter.catalog import Metric
from exporter.store import cells, keys, ledger, series
from exporter.store.state import VERSION
from tests.support.kept import SEEN, Kept

CELLS = f"{VERSION}/t_alerts_total.cells"
KEYS = f"{VERSION}/t_alerts_total.keys"


def test_every_value_is_there_after_a_kill(tmp_path: Path) -> None:
    labels = ('quote " back \\ line\nfeed % é', "critical")
    with Kept(tmp_path) as first:
        first.add("a", 3)
        first.alerts.add(labels, 2**40)
        first.store.families["t_seen_seconds"].set(("node-1",), 2**64 - 1)

    with Kept(tmp_path) as second:
        assert second.every_value() == {("a", "critical"): 3, labels: 2**40, ("node-1",): 2**64 - 1}
        second.add("a")
        assert second.values()["a"] == 4
        assert second.healthy()


def test_values_lie_at_addresses_that_are_written_in_one_go(tmp_path: Path) -> None:
    with Kept(tmp_path, limit=5000) as first:
        first.add("a", 0x0102030405)

    content = (tmp_path / CELLS).read_bytes()
    assert content[4096:4104] == (0x0102030405).to_bytes(8, sys.byteorder)
    assert (tmp_path / CELLS).stat().st_blocks * 512 >= len(content), "a hole could not be filled on a full disk"


def test_a_slot_that_was_freed_and_taken_again_has_its_last_owner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Kept(tmp_path) as first:
        first.add("idle", 7)
        first.clock.advance(3000)
        first.add("busy", 2)
        first.clock.advance(1000)
        first.expire()
        first.add("new", 5)

    with Kept(tmp_path) as second:
        assert second.values() == {"busy": 2, "new": 5}
        second.add("another")
        assert second.values() == {"busy": 2, "new": 5, "another": 1}
        second.clock.advance(4000)
        second.expire()
    with Kept(tmp_path) as third:
        assert third.values() == {}
    assert "could not be read" not in caplog.text


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def killed_at_line(number: int, step: Callable[[], None]) -> bool:
    """Runs `step` up to the nth line that it executes of the store and its files; False if it has fewer."""
    files = {series.__file__, ledger.__file__, keys.__file__, cells.__file__}
    left = number

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


def a_birth(kept: Kept) -> None:
    kept.add("new")


def an_expiry(kept: Kept) -> None:
    kept.clock.advance(1000)
    kept.expire()


def an_expiry_and_a_birth_in_its_place(kept: Kept) -> None:
    an_expiry(kept)
    a_birth(kept)


def a_rewrite_of_the_names(kept: Kept) -> None:
    kept.clock.advance(1000)
    for family in kept.store.families.values():
        kept.state.ledger(family.metric.name)._keys._needed_size = -1  # type: ignore[attr-defined]
    kept.expire()


@pytest.mark.parametrize("step", [a_birth, an_expiry, an_expiry_and_a_birth_in_its_place, a_rewrite_of_the_names])
def test_killed_in_the_middle_of_any_step_no_count_is_lost_or_anybody_elses(
    step: Callable[[Kept], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "REWRITE_ABOVE", 1)
    for line in count():
        folder = tmp_path / str(line)
        with Kept(folder) as first:
            first.add("idle", 7)
            first.clock.advance(3000)
            first.add("busy", 2)
            killed = killed_at_line(line, lambda first=first: step(first))  # type: ignore[misc]

        with Kept(folder) as second:
            values = second.values()
            assert values.pop("busy") == 2
            assert values.pop("idle", 7) == 7
            assert values.pop("new", 0) in (0, 1)
            assert not values
            second.add("later")
            assert second.values()["later"] == 1
        if not killed:
            assert line > 10
            break


def test_after_cut_cells_the_series_within_are_kept_and_the_rest_begin_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Kept(tmp_path) as first:
        first.add("kept", 5)
        first.add("lost", 6)
        first.add("lost for good", 7)
    os.truncate(tmp_path / CELLS, 4096 + 8 * 3 + 8)

    with Kept(tmp_path) as second:
        assert second.values() == {"kept": 5}
        assert "2 series could not be read" in caplog.text
        second.add("lost")

    caplog.clear()
    with Kept(tmp_path) as third:
        assert third.values() == {"kept": 5, "lost": 1}
        assert "could not be read" not in caplog.text, "told once is enough"


@pytest.mark.parametrize("size", [0, 5, 4095, 4096])
def test_cells_cut_to_nothing_begin_anew(size: int, tmp_path: Path) -> None:
    with Kept(tmp_path) as first:
        first.add("lost", 6)
    os.truncate(tmp_path / CELLS, size)

    with Kept(tmp_path) as second:
        second.add("new")
        assert second.values() == {"new": 1}
    with Kept(tmp_path) as third:
        assert third.values() == {"new": 1}


def test_a_key_file_cut_in_a_line_loses_that_series_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Kept(tmp_path) as first:
        first.add("kept", 5)
        first.add("lost", 6)
    os.truncate(tmp_path / KEYS, (tmp_path / KEYS).stat().st_size - 4)

    with Kept(tmp_path) as second:
        assert second.values() == {"kept": 5}
        assert "1 damaged lines are left out" in caplog.text
        assert "1 series could not be read" in caplog.text
        second.add("new", 2)
    with Kept(tmp_path) as third:
        assert third.values() == {"kept": 5, "new": 2}


@pytest.mark.parametrize("garbage", [b"\x00\xff\r\n00000000 9 null\ndeadbeef 0 null\n", b"deadbeef 1 [half of a li"])
def test_garbage_within_the_key_file_loses_no_series_after_it(garbage: bytes, tmp_path: Path) -> None:
    with Kept(tmp_path) as first:
        first.add("before", 5)
    with (tmp_path / KEYS).open("ab") as file:
        file.write(garbage)
    with Kept(tmp_path) as second:
        second.add("after", 6)

    with Kept(tmp_path) as third:
        assert third.values() == {"before": 5, "after": 6}


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / VERSION).iterdir()}


@pytest.mark.parametrize("file", [CELLS, KEYS])
def test_a_file_that_is_not_ours_is_set_aside_and_told_and_other_families_are_kept(
    file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Kept(tmp_path) as first:
        first.add("lost")
        first.store.families["t_seen_seconds"].set(("node-1",), 9)
    foreign = b"somebody's thesis\n" * 1000
    (tmp_path / file).write_bytes(foreign)

    with Kept(tmp_path) as second:
        assert second.every_value() == {("node-1",): 9}
        second.add("new")
        assert second.healthy()
    with Kept(tmp_path) as third:
        assert third.values() == {"new": 1}
    assert "set aside" in caplog.text
    [aside] = (path for path in (tmp_path / VERSION).iterdir() if path.name.startswith(f"{Path(file).name}.set-aside"))
    assert aside.read_bytes() == foreign


@pytest.mark.parametrize("labels", [("rule", "severity"), ("priority", "rule"), ("rule", "priority", "ns")])
def test_a_family_whose_labels_changed_begins_anew_and_its_files_are_set_aside(
    labels: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Kept(tmp_path) as first:
        first.add("old")
    changed = Metric("t_alerts_total", "counter", "Alerts.", labels, stored=True, zero_first=True)

    with Kept(tmp_path, metrics=(changed, SEEN)) as second:
        assert second.every_value() == {}
        second.alerts.add(("x",) * len(labels))
    with Kept(tmp_path, metrics=(changed, SEEN)) as third:
        assert third.every_value() == {("x",) * len(labels): 1}
    assert "labels" in caplog.text
    assert len([name for name in names(tmp_path) if "set-aside" in name]) == 2


def test_another_versions_folder_is_left_alone_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "t_alerts_total.cells").write_bytes(b"from the future")

    with Kept(tmp_path) as kept:
        kept.add("a")
        assert kept.healthy()
    assert "another version left (v2)" in caplog.text
    assert (tmp_path / "v2" / "t_alerts_total.cells").read_bytes() == b"from the future"


def test_a_directory_that_cannot_be_made_is_told_and_counting_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")

    with Kept(tmp_path / "file" / "state") as kept:
        kept.add("a", 3)
        assert kept.values() == {"a": 3}
        assert not kept.healthy()
    assert "state_dir" in caplog.text
    assert "cannot be used" in caplog.text


def test_a_second_process_on_the_directory_counts_in_memory_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Kept(tmp_path) as first:
        first.add("a")
        with Kept(tmp_path) as second:
            second.add("b")
            assert second.values() == {"b": 1}
            assert not second.healthy()
        assert "another threatboard uses it" in caplog.text
        first.add("a")
        assert first.healthy()
    with Kept(tmp_path) as third:
        assert third.values() == {"a": 2}


def test_the_key_file_is_written_anew_when_most_of_it_is_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the process is restarted in between."""
    monkeypatch.setattr(keys, "REWRITE_ABOVE", 2000)
    sizes = []
    for life in range(5):
        with Kept(tmp_path) as kept:
            for number in range(20):
                kept.add(f"{life}-{number}")
                kept.clock.advance(4000)
                kept.add("always")
                kept.expire()
                sizes.append((tmp_path / KEYS).stat().st_size)
    with Kept(tmp_path) as last:
        assert last.values()["always"] == 100
    assert max(sizes) < 2500


def test_a_rewrite_that_was_broken_off_leaves_the_old_file_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Kept(tmp_path) as first:
        first.add("a", 2)
    (tmp_path / VERSION / "t_alerts_total.keys.new").write_bytes(b"half of i")

    with Kept(tmp_path) as second:
        second.add("a")
        assert second.values() == {"a": 3}
        monkeypatch.setattr(keys, "REWRITE_ABOVE", 1)
        second.add("b")
        second.expire()
    with Kept(tmp_path) as third:
        assert third.values() == {"a": 3, "b": 1}
    assert "t_alerts_total.keys.new" not in names(tmp_path)


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "threatboard")
