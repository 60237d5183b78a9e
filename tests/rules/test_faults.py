"""Each fault of a configuration is told by one of two alerts, and the page of the critical one says what it means."""

import re

from exporter.catalog.watch import FAULTS
from rules.tree import load

ALERTS = {alert.name: alert for alert in load().alerts}
BLIND, OTHER = ALERTS["CoverageControlBlind"], ALERTS["CoverageConfigurationFault"]


def told(expr: str, operator: str) -> set[str]:
    """The reasons that an expression names after `reason` and this operator."""
    [found] = re.findall(rf'reason{operator}"([^"]+)"', expr)
    return set(found.split("|"))


def test_the_two_alerts_share_the_faults_that_there_are() -> None:
    assert told(BLIND.expr, "=~") == told(OTHER.expr, "!~")
    assert told(BLIND.expr, "=~") < FAULTS.keys()


def test_what_makes_a_control_blind_is_on_its_page() -> None:
    page = BLIND.page.read_text(encoding="utf-8")
    assert [reason for reason in told(BLIND.expr, "=~") if f"`{reason}`" not in page] == []
