"""A real exporter that takes a firewall's events."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receiver import Receiver, receiver
from tests.waf.counting import CONFIG

collect_ignore_glob = [] if os.environ.get("TEST_WAF") else ["test_coraza.py"]


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Receiver]:
    """Takes events at `/waf`."""
    with receiver(tmp_path / "exporter", **CONFIG) as running:
        yield running
