"""The state's files are nobody else's to read, and whatever is in them the program starts."""

import os
import stat
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.server.http import Connection
from exporter.store import keys
from exporter.store.state import VERSION
from tests.support.kept import Kept


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def test_after_every_rewrite_files_are_private_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "REWRITE_ABOVE", 0)
    before = os.umask(0)
    try:
        with Kept(tmp_path) as kept:
            for turn in range(20):
                kept.add(f"rule {turn}")
                kept.scrapers.answer(Connection("10.0.0.1"))
                kept.expire()
            files = {file.name for file in (tmp_path / VERSION).iterdir()}
    finally:
        os.umask(before)
    assert {"scrapers.json", "t_alerts_total.keys", "t_alerts_total.cells"} <= files
    assert modes(tmp_path / VERSION) == {0o600}
    assert stat.S_IMODE((tmp_path / VERSION).stat().st_mode) == 0o700


def test_what_an_older_version_left_readable_becomes_private(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        kept.add("a")
    for file in (tmp_path / VERSION).iterdir():
        file.chmod(0o644)
    (tmp_path / VERSION).chmod(0o755)
    with Kept(tmp_path) as kept:
        assert kept.values()["a"] == 1
        assert modes(tmp_path / VERSION) == {0o600}
    assert stat.S_IMODE((tmp_path / VERSION).stat().st_mode) == 0o700


def signed(rest: bytes) -> bytes:
    return b"%08x %b" % (zlib.crc32(rest), rest)


SLOTS = st.sampled_from([b"0", b"1", b"-1", b"", b"x", b"9" * 30, b"9" * 5000, b"1e3", b"labels"])
TEXTS = st.sampled_from([b"", b"null", b"[]", b'["a"]', b'["a",1]', b'["a","b","c"]', b"{}", b"[[", b'"a"', b"\xff"])
LINES = st.builds(lambda slot, text: signed(slot + b" " + text), SLOTS, TEXTS) | st.binary().map(signed) | st.binary()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=4))
def test_no_line_of_a_keys_file_stops_the_start(tmp_path: Path, lines: list[bytes]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    with Kept(folder) as kept:
        kept.add("a", 3)
    with (folder / VERSION / "t_alerts_total.keys").open("ab") as file:
        file.write(b"\n".join([b"", *lines, b""]))

    with Kept(folder) as kept:
        kept.add("b")
        assert kept.values()["b"] == 1
        assert kept.healthy()
