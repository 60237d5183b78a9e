"""The file over a restart: whatever became of it, counting goes on, and nothing is counted twice."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from exporter.pollers.alertmanager.kept import NAME
from tests.support.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    opened = Desk(tmp_path)
    opened.fire()
    opened.run(60)
    opened.silence(comment="FP")
    opened.run(60)
    return opened


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:100],
    "empty": lambda _: b"",
    "another version": lambda content: content.replace(b'"version":1', b'"version":2'),
    "a list": lambda _: b"[]",
    "a field more": lambda content: content.replace(b'"starts"', b'"begins"'),
    "another count": lambda content: content.replace(b'"born"', b'"x"').replace(b'"counters":{', b'"counters":{"x":'),
    "fewer buckets": lambda content: content.replace(b"[0,0,0,0,0,0,0,0,0,0]", b"[0]"),
    "not UTF-8": lambda _: b"\xff",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_read_is_told_and_counting_begins_anew(
    how: str, desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / NAME
    file.write_bytes(BROKEN[how](file.read_bytes()))
    desk.restart()
    assert caplog.messages == [f"alertmanager.state_dir: {file}: is not what was written into it; counting begins anew"]
    desk.run(60)
    assert desk.counted() == {}
    desk.restart()
    assert len(caplog.messages) == 1


def test_it_is_private_and_not_written_through_a_link(desk: Desk, tmp_path: Path) -> None:
    file, other = tmp_path / NAME, tmp_path / "other"
    assert file.stat().st_mode & 0o777 == 0o600
    file.rename(other)
    file.symlink_to(other)
    before = other.read_bytes()
    desk.restart()
    desk.fire("B")
    desk.run(30)
    assert other.read_bytes() == before
    assert not file.is_symlink()


def test_a_pipe_in_its_place_is_not_waited_for(desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME)
    desk.restart()
    assert caplog.messages == [
        f"alertmanager.state_dir: {tmp_path / NAME}: alertmanager.json is not a regular file; counting begins anew"
    ]


def test_a_directory_that_is_not_there_is_told_once_and_used_when_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "later"
    with caplog.at_level(logging.INFO):
        desk = Desk(folder)
        desk.fire()
        desk.run(60)
        folder.mkdir()
        desk.run(60)
    assert caplog.messages == [
        f"alertmanager.state_dir: {folder / NAME} cannot be written: No such file or directory",
        f"alertmanager.state_dir: {folder / NAME} is written again",
    ]
    desk.restart()
    assert desk.counted() == {"alert_episodes A critical ids shop": 1}


def test_what_is_kept_is_what_there_was(desk: Desk, tmp_path: Path) -> None:
    desk.fire("Held", inhibited=True)
    desk.look()
    before = (tmp_path / NAME).read_bytes()
    desk.restart()
    desk.kept.write()
    assert orjson.loads((tmp_path / NAME).read_bytes()) == orjson.loads(before)
    assert desk.kept.book.inhibited
    assert desk.kept.book.stamps
