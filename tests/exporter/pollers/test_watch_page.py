"""docs/watch.md and docs/kpi.md say what is there."""

import re
from pathlib import Path

from exporter.catalog import METRICS, kpi
from exporter.catalog.watch import FAULTS
from exporter.pollers.alertmanager.silences import verdict
from exporter.pollers.coverage.resources import RESOURCES

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "watch.md").read_text(encoding="utf-8")
KPI_PAGE = (DOCS / "kpi.md").read_text(encoding="utf-8")


def test_every_fault_is_there_with_its_sentence() -> None:
    assert [line for line in PAGE.splitlines() if line.startswith("| `") and line.count("`") == 2] == [
        f"| `{reason}` | {fault.mend} |" for reason, fault in FAULTS.items()
    ]


def test_every_resource_and_metric_is_there() -> None:
    rights = PAGE.partition("## Rights")[2]
    assert [one.name for one in RESOURCES if one.name not in rights] == []
    figures = [metric.name for metric in kpi.METRICS]
    shown = {name for name, metric in METRICS.items() if metric.roles == ("watch",)} - {"threat_watch_info", *figures}
    assert len(shown) > 5
    assert [name for name in shown if f"`{name}`" not in PAGE] == []
    assert [name for name in figures if f"`{name}`" not in KPI_PAGE] == []


def test_the_lines_for_amtool_are_verdicts() -> None:
    comments = re.findall(r"amtool silence .* -c '(.*?)'", KPI_PAGE)
    assert [verdict(one, {}) for one in comments] == ["", "true_positive"]
