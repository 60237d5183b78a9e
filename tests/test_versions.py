"""The README names the versions of Prometheus and Alertmanager with which the tests are run."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import tools
from demo.servers import ROOT

Version = tuple[int, int]
SERVERS = {"prometheus": "Prometheus", "alertmanager": "Alertmanager"}


def _version(text: str) -> Version:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def _told(product: str) -> tuple[Version, Version]:
    """The oldest and the newest that the README names."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [(oldest, newest)] = re.findall(rf"{product}\s+(\d+\.\d+)\s+to\s+(\d+\.\d+)", readme)
    return _version(oldest), _version(newest)


@pytest.mark.parametrize(("name", "product"), SERVERS.items())
def test_the_readme_and_the_set_up_agree_on_the_oldest_version(name: str, product: str) -> None:
    oldest, _ = _told(product)
    assert tools.TOOLS[name].product == f"{product} {oldest[0]}.{oldest[1]} or newer"


@pytest.mark.parametrize(("name", "product"), SERVERS.items())
def test_these_tests_run_with_a_version_that_the_readme_names(
    tool: Callable[[str], Path], name: str, product: str
) -> None:
    said = subprocess.run([tool(name), "--version"], capture_output=True, text=True, check=True)
    [found] = re.findall(rf"{name}, version (\d+\.\d+)", said.stdout + said.stderr)
    oldest, newest = _told(product)
    assert oldest <= _version(found)
    if tools.newest():
        assert _version(found) == newest, "Debian has a newer one by now: `make test-newest`, then say so in the README"
