"""Every alert fires when it should, stays silent when it should, and its test would notice if it did not."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rules.tree import ROOT, load
from tests.rules.promtool import alert_tests, failures, mutated

Tool = Callable[[str], Path]


def test_promtool_accepts_every_rule_file(tool: Tool) -> None:
    files = [path for path in ROOT.glob("**/*.yaml") if path.parent != ROOT and not path.name.endswith(".test.yaml")]
    done = subprocess.run([tool("promtool"), "check", "rules", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout + done.stderr


def test_every_recording_records_what_its_test_says(tool: Tool) -> None:
    tests = sorted(ROOT.glob("recording/*.test.yaml"))
    assert tests
    assert failures(tool("promtool"), tests) == {}


@pytest.mark.timeout(900)
def test_every_alert_does_what_its_test_says(tool: Tool) -> None:
    tests = alert_tests(ROOT)
    assert {test.name.removesuffix(".test.yaml") for test in tests} == {alert.name for alert in load().alerts}
    assert failures(tool("promtool"), tests) == {}


@pytest.mark.parametrize(
    ("mutant", "survivors"),
    [("vector(1)", {"PlatformWatchdog"}), ("vector(0) > 1", set())],
    ids=["always fires", "never fires"],
)
def test_a_mutant_of_an_alert_fails_its_test(tool: Tool, tmp_path: Path, mutant: str, survivors: set[str]) -> None:
    tests = alert_tests(mutated(tmp_path, lambda _: mutant))
    caught = set(failures(tool("promtool"), tests))
    assert {test.name.removesuffix(".test.yaml") for test in tests} - caught == survivors
