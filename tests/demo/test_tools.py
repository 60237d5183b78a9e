"""Programs are found on the PATH first, then in `.tools/`; where they cannot be fetched, a sentence says what to do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import debian, tools


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one empty folder, and an empty place for unpacked packages."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("SERVERS", raising=False)
    monkeypatch.setattr(tools, "UNPACKED", tmp_path / "unpacked")
    (tmp_path / "unpacked" / "bin").mkdir(parents=True)
    return folder


def executable(file: Path) -> Path:
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_program_on_the_path_goes_before_an_unpacked_one(path: Path) -> None:
    unpacked = executable(tools.UNPACKED / "bin" / "promtool")
    assert tools.find("promtool") == unpacked
    on_path = executable(path / "promtool")
    assert tools.find("promtool") == on_path


def test_the_newest_are_never_those_on_the_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVERS", "newest")
    executable(path / "promtool")
    executable(tools.UNPACKED / "bin" / "promtool")
    assert tools.find("promtool") is None
    (tools.UNPACKED / "newest" / "bin").mkdir(parents=True)
    newest = executable(tools.UNPACKED / "newest" / "bin" / "promtool")
    assert tools.find("promtool") == newest
    assert tools.find("chromium") is None
    installed = executable(path / "chromium")
    assert tools.find("chromium") == installed


@pytest.mark.parametrize("command", ["alertmanager", "prometheus-alertmanager"])
def test_alertmanager_is_found_under_its_own_and_under_debians_name(path: Path, command: str) -> None:
    on_path = executable(path / command)
    assert tools.find("alertmanager") == on_path


def test_elsewhere_than_on_debian_it_says_what_to_put_on_the_path(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executable(path / "promtool")
    assert tools.main(["promtool", "alertmanager"]) == 1
    out, err = capsys.readouterr()
    assert out == f"promtool: {path / 'promtool'}\n"
    assert err == (
        "alertmanager is not on the PATH, and only on Debian is it fetched for you: "
        "put Alertmanager 0.25 or newer on the PATH, so that `alertmanager` can be run.\n"
    )


def test_a_program_that_tests_need_is_installed_by_root_only(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("apt-get", "apt-cache", "dpkg"):
        executable(path / command)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert tools.main(["chromium"]) == 1
    assert "Only root can install it (apt-get install chromium)." in capsys.readouterr().err


def test_when_debian_cannot_be_reached_apt_is_quoted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("apt-get", "apt-cache", "dpkg"):
        executable(path / command).write_text("#!/bin/sh\necho 'E: Temporary failure resolving' >&2\nexit 100\n")
    assert tools.main(["prometheus"]) == 1
    err = capsys.readouterr().err
    assert "put Prometheus 2.42 or newer on the PATH" in err
    assert "E: Temporary failure resolving" in err


def test_every_unpacked_tool_has_its_launcher() -> None:
    unpacked = {name for name, tool in tools.TOOLS.items() if not tool.installed and not tool.launch}
    assert unpacked == set(debian.LAUNCHERS)
    assert {tools.TOOLS[name].package for name in unpacked} == set(debian.SERVERS)


def test_one_that_comes_with_files_is_never_that_on_the_path(path: Path) -> None:
    executable(path / "nginx")
    assert tools.find("nginx") is None
    (tools.UNPACKED / "nginx" / "bin").mkdir(parents=True)
    unpacked = executable(tools.UNPACKED / "nginx" / "bin" / "nginx")
    assert tools.find("nginx") == unpacked


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_test_without_its_program_is_skipped_here_and_fails_in_ci(
    path: Path,
    tool: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    outcome: type[BaseException],
) -> None:
    monkeypatch.setenv("CI", ci)
    # Not raises(outcome): a skip where a failure is wanted would then skip this test.
    with pytest.raises(
        (pytest.skip.Exception, pytest.fail.Exception), match="promtool is neither on the PATH"
    ) as caught:
        tool("promtool")
    assert caught.type is outcome
