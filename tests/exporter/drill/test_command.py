"""`threatboard drill`: which acts it does, what it prints, and its report."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config.credentials import Secret
from exporter.drill.mark import read
from tests.support.answering import Answering
from tests.support.drill import KEY
from tests.support.inotify import watched
from tests.support.receiver import PATIENCE, ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where links are made."""
    (tmp_path / "links").mkdir()
    return tmp_path / "links"


def drill(
    folder: Path, settings: dict[str, Any], *arguments: str, waf: dict[str, Any] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs the command with this section `drill`; `KEY` is the key in the file drill.key."""
    config = folder.parent / "threatboard.yaml"
    (folder.parent / "drill.key").write_bytes(KEY)
    config.write_text(yaml.safe_dump({"drill": settings, "waf": waf or {}}))
    command = [sys.executable, "-m", "exporter", "drill", "--config", str(config), *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"TMPDIR": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert KEY.decode() not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def marks(names: list[str], control: str) -> list[float]:
    """When the acts of these marks were done."""
    found = [read(Secret(KEY), name, time.time()) for name in names]
    return [mark.at for mark in found if mark is not None and mark.control == control]


def test_all_that_is_configured_is_done_and_reported(folder: Path) -> None:
    report = folder.parent / "report.json"
    with Answering(b"HTTP/1.1 403 Forbidden\r\n\r\n") as waf, Answering(b"") as there, watched(folder) as links:
        here = f"127.0.0.1:{there.port}"
        settings = {
            "key_file": "drill.key",
            "allowed": here,
            "denied": here,
            "waf_url": f"http://127.0.0.1:{waf.port}/shop",
        }
        done = drill(folder, settings, "--report", str(report), waf={"blocking": True})
        happened = links.happened()
    assert done.returncode == 1, "nothing denies here"
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["ids", "waf"]
    assert done.stderr.startswith(f"network: {here} (drill.denied) was reached")
    ids, network, stopped = json.loads(report.read_bytes())["acts"]
    names = [name for what, name in happened if name.startswith("threatboard")]
    assert (ids["control"], ids["stopped"]) == ("ids", None)
    assert marks(names, "ids") == [ids["at"]] * 2
    assert (network["control"], network["stopped"]) == ("network", False)
    assert ids["at"] <= network["at"] <= stopped["at"] <= time.time()
    assert (stopped["control"], stopped["stopped"]) == ("waf", True)
    assert marks([waf.asked[0].split(b" ")[1].partition(b"?")[0].decode()], "waf") == [stopped["at"]]
    assert len(report.read_bytes()) < 4096, "what Kubernetes keeps of a termination message"


def test_falco_alone_needs_only_the_key(folder: Path) -> None:
    done = drill(folder, {"key_file": "drill.key"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ids: ")


def test_one_control_can_be_asked_for(folder: Path) -> None:
    with Answering(b"HTTP/1.1 406 No\r\n\r\n") as waf, watched(folder) as links:
        settings = {"key_file": "drill.key", "waf_url": f"http://127.0.0.1:{waf.port}/"}
        done = drill(folder, settings, "--control", "waf", waf={"blocking": True})
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("waf: ")
        assert links.happened() == []


MISSING = [
    (("--control", "network"), {"key_file": "drill.key"}, "network: drill.allowed and drill.denied are not set"),
    (("--control", "waf"), {"key_file": "drill.key"}, "waf: drill.waf_url is not set"),
    ((), {}, "ids: drill.key_file is not set"),
    (("--control", "waf"), {"waf_url": "http://127.0.0.1:1/"}, "waf: drill.key_file is not set"),
]


@pytest.mark.parametrize(("arguments", "settings", "said"), MISSING)
def test_what_is_not_configured_is_told_and_nothing_is_done(
    arguments: tuple[str, ...], settings: dict[str, Any], said: str, folder: Path
) -> None:
    report = folder.parent / "report.json"
    with watched(folder) as links:
        done = drill(folder, settings, *arguments, "--report", str(report))
        assert links.happened() == []
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
    assert json.loads(report.read_bytes()) == {"acts": []}


def test_a_configuration_with_a_fault_is_refused(folder: Path) -> None:
    done = drill(folder, {"key_file": "missing.key"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "drill.key_file: " in done.stderr


def test_a_report_that_cannot_be_written_is_told(folder: Path) -> None:
    done = drill(folder, {"key_file": "drill.key"}, "--report", str(folder / "missing" / "report"))
    assert done.returncode == 1
    assert done.stdout.startswith("ids: ")
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize("arguments", [("drill",), ("drill", "--config", "x", "--control", "host")])
def test_wrong_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "exporter", *arguments]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 2
