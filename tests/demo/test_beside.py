"""Packages of Debian are unpacked beside the system, whole or not at all, and nothing is installed.

apt and dpkg are scripts here, which do with a small package what the real ones do; `make test` itself uses those.
"""

import os
import subprocess
from pathlib import Path

import pytest

from demo import beside
from demo.debian import PackageError

APT_GET = """\
echo "$*" >> "$LOG"
case "$*" in
  *" install "*) [ -n "$NOTHING" ] || touch "$(dirname "$2")/cache/archives/tool_1_all.deb" ;;
esac
"""

DPKG = """\
[ -z "$BROKEN" ] || { echo "dpkg: out of space" >&2; exit 2; }
mkdir -p "$3/usr/sbin" "$3/usr/lib/any-linux-gnu" "$3/etc"
echo "a setting" > "$3/etc/tool.conf"
printf '#!/bin/sh\\necho "$LD_LIBRARY_PATH $*"\\n' > "$3/usr/sbin/tool"
chmod +x "$3/usr/sbin/tool"
"""

LAUNCHERS = {"tool": 'exec "$there/usr/sbin/tool" "$@"'}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the scripts before everything else on the PATH; what apt-get was called with."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name, script in {"apt-get": APT_GET, "dpkg": DPKG}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_the_program_runs_with_its_own_libraries_and_its_files_are_beside_it(log: Path, tmp_path: Path) -> None:
    place = tmp_path / "a place"
    beside.unpack(place, ["tool"], LAUNCHERS)
    said = subprocess.run([place / "bin" / "tool", "two words"], capture_output=True, text=True, check=True).stdout
    assert f"{place}/debian/usr/lib/any-linux-gnu" in said
    assert said.endswith(" two words\n")
    assert (place / "debian" / "etc" / "tool.conf").read_text() == "a setting\n"


def test_nothing_is_installed_and_what_is_there_is_not_fetched_again(log: Path, tmp_path: Path) -> None:
    beside.unpack(tmp_path / "tools", ["tool", "its-files"], LAUNCHERS)
    beside.unpack(tmp_path / "tools", ["tool", "its-files"], LAUNCHERS)
    update, install = log.read_text().splitlines()
    assert update.endswith(" update")
    assert "--download-only" in install.split()
    assert install.endswith(" install tool its-files")


def test_what_fails_half_way_leaves_nothing_that_looks_unpacked(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "yes")
    with pytest.raises(PackageError, match="out of space"):
        beside.unpack(tmp_path / "tools", ["tool"], LAUNCHERS)
    assert [file.name for file in (tmp_path / "tools").iterdir()] == ["lock"]


def test_an_empty_download_is_an_error(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTHING", "yes")
    with pytest.raises(PackageError, match="downloaded nothing for tool"):
        beside.unpack(tmp_path / "tools", ["tool"], LAUNCHERS)
