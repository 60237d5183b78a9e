"""Falco sends a metrics snapshot for each event source; rules and boards read that of system calls alone."""

import re
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "helm" / "threatboard" / "files"
OF_A_SOURCE = re.compile(r"threat_falco_(?:snapshot_timestamp_seconds|syscall_\w+_total)\b(\{[^}]*\})?")
SHIPPED = [path for path in sorted(FILES.rglob("*")) if path.suffix in (".json", ".yaml")]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_silence_of_a_plugin_is_no_silence_of_falco(path: Path) -> None:
    """A Falco with plugins alone sends no snapshot while nothing happens."""
    text = path.read_text(encoding="utf-8").replace('\\"', '"')
    wide = [found[0] for found in OF_A_SOURCE.finditer(text) if 'source="syscall"' not in (found[1] or "")]
    assert wide == []


def test_rules_and_boards_do_read_snapshots() -> None:
    """Else the test above would say nothing."""
    readers = {path.name for path in SHIPPED if OF_A_SOURCE.search(path.read_text(encoding="utf-8"))}
    assert {"rules.yaml", "ids.json", "overview.json"} <= readers
