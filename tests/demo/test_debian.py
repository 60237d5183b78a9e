"""Debian's packages of Prometheus and Alertmanager work unpacked, and are unpacked whole or not at all.

apt and dpkg are scripts here, which do with small packages what the real ones do; `make test` itself uses those.
"""

import os
import subprocess
from pathlib import Path

import pytest

from demo import debian

APT_GET = """\
echo "apt-get $*" >> "$LOG"
case "$*" in
  *" update") echo "W: one dead source" >&2; exit "${UPDATE:-0}" ;;
  *" indextargets "*) echo "$TARGETS" ;;
  *" download "*)
    cat sources.list >> "$LOG" 2>/dev/null
    for last; do :; done; touch prometheus.deb prometheus-alertmanager.deb "$last.deb" ;;
esac
"""
APT_CACHE = """\
printf 'prometheus\\n  Depends: adduser\\n  Depends: libjs-jquery\\nlibjs-jquery\\npromtool\\nadduser\\n'
"""
DPKG = """\
usr=$3/usr
mkdir -p "$usr/bin" "$usr/share/prometheus/web" "$usr/share/prometheus/alertmanager"
case "$2" in
  */prometheus.deb) printf '#!/bin/sh\\necho "prometheus $*"\\n' > "$usr/bin/prometheus" ;;
  */prometheus-alertmanager.deb)
    [ -z "$BROKEN" ] || { echo "dpkg: out of space" >&2; exit 2; }
    echo "a template" > "$usr/share/prometheus/alertmanager/default.tmpl"
    cat > "$usr/bin/prometheus-alertmanager" <<'END' ;;
#!/bin/sh
cat /usr/share/prometheus/alertmanager/default.tmpl
echo "$@"
END
esac
chmod -R +x "$usr/bin"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the three scripts before everything else on the PATH; what apt-get was called with."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name, script in {"apt-get": APT_GET, "apt-cache": APT_CACHE, "dpkg": DPKG}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def said(command: Path, *arguments: str) -> str:
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=True).stdout


def test_an_unpacked_alertmanager_reads_its_templates_from_where_it_was_unpacked(log: Path, tmp_path: Path) -> None:
    debian.unpack_servers(tmp_path / "a place")
    assert (
        said(tmp_path / "a place" / "bin" / "alertmanager", "--flag", "two words") == "a template\n--flag two words\n"
    )


def test_an_unpacked_prometheus_finds_its_own_pages(log: Path, tmp_path: Path) -> None:
    debian.unpack_servers(tmp_path / "a place")
    words = said(tmp_path / "a place" / "bin" / "prometheus", "--version").split("=", 1)
    assert words[0] == "prometheus --web.local-assets"
    pages, _, rest = words[1].rpartition(" ")
    assert Path(pages).is_dir()
    assert rest == "--version\n"


def test_packages_for_services_are_not_fetched_and_nothing_is_installed(log: Path, tmp_path: Path) -> None:
    debian.unpack_servers(tmp_path / "tools")
    calls = log.read_text().splitlines()
    assert calls[1].endswith("download prometheus prometheus-alertmanager libjs-jquery promtool")
    assert all("-c" in call.split() and "install" not in call for call in calls)


def test_a_dead_source_among_apts_does_not_matter_when_the_download_works(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPDATE", "100")
    debian.unpack_servers(tmp_path / "tools")
    assert (tmp_path / "tools" / "bin" / "prometheus").exists()


def test_what_fails_half_way_leaves_nothing_that_looks_unpacked(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "yes")
    with pytest.raises(debian.PackageError, match="out of space"):
        debian.unpack_servers(tmp_path / "tools")
    assert [file.name for file in (tmp_path / "tools").iterdir()] == ["lock"]
    monkeypatch.delenv("BROKEN")
    debian.unpack_servers(tmp_path / "tools")
    assert (tmp_path / "tools" / "bin" / "amtool").exists()


def test_what_is_unpacked_is_not_fetched_again(log: Path, tmp_path: Path) -> None:
    debian.unpack_servers(tmp_path / "tools")
    calls = log.read_text()
    debian.unpack_servers(tmp_path / "tools")
    assert log.read_text() == calls


def test_those_of_another_suite_come_from_the_archive_that_this_machine_uses(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "KEYRING", Path("/"))
    monkeypatch.setenv(
        "TARGETS", "|Other|ftp://other\nDebian|Debian-Security|ftp://fixes\nDebian|Debian|ftp://here/debian"
    )
    debian.unpack_servers(tmp_path / "tools" / "newest", "sid")
    calls = log.read_text().splitlines()
    assert [call.split()[-1] for call in calls if call.endswith("update")] == ["update", "update"]
    assert calls[-1] == "deb [signed-by=/] ftp://here/debian sid main"
    assert (tmp_path / "tools" / "newest" / "bin" / "promtool").exists()


def test_without_debians_archive_another_suite_cannot_be_had(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARGETS", "Debian|Debian-Security|ftp://fixes")
    with pytest.raises(debian.PackageError, match="archive is not among"):
        debian.unpack_servers(tmp_path / "tools", "sid")
