"""The Makefile: it lists its commands, and each sets up what it needs and no more."""

import re
import subprocess
import sys

import pytest

from demo.servers import ROOT


def make(*arguments: str) -> str:
    # Without the variables of a make that runs these tests, which would also apply to this one.
    command = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_demo_needs_no_package_that_only_tests_need() -> None:
    hidden = "import sys; sys.modules.update(dict.fromkeys(('promql_parser', 'pytest', 'grafanalib', 'trustme')))"
    subprocess.run([sys.executable, "-c", f"{hidden}; import demo.__main__"], cwd=ROOT, check=True)


def test_make_alone_lists_every_command() -> None:
    commands = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    assert re.findall(r"^  make (\S+) +\S", make(), re.MULTILINE) == commands


def test_generate_writes_everything_that_is_generated() -> None:
    steps = re.findall(r"python -m (\S+)", make("--dry-run", "generate"))
    assert steps == ["exporter.reference", "rules", "dashboards", "tests.helm.reference", "tests.helm.golden"]


@pytest.mark.parametrize(
    ("command", "packages"), [("demo", "."), ("bench", "'.[boards,dev]'"), ("test", "'.[boards,dev]'")]
)
def test_a_command_sets_up_what_it_needs_and_no_more(command: str, packages: str) -> None:
    steps = make("--dry-run", "--always-make", command)
    assert re.findall(r"install --editable (.*)", steps) == [packages]
    assert steps.index("-m venv .venv") < steps.index("install --editable")
