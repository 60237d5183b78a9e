"""What people reported of real clusters, as small promtool tests in `cases/`: each says what is right there."""

from collections.abc import Callable
from pathlib import Path

from tests.rules.promtool import failures

CASES = sorted(Path(__file__).parent.glob("cases/*.test.yaml"))


def test_what_people_reported_is_right(tool: Callable[[str], Path]) -> None:
    assert CASES
    assert failures(tool("promtool"), CASES) == {}
