"""docs/watch.md says what is there."""

from pathlib import Path

from exporter.catalog import METRICS
from exporter.catalog.watch import FAULTS
from exporter.pollers.coverage.resources import RESOURCES

PAGE = (Path(__file__).parents[3] / "docs" / "watch.md").read_text(encoding="utf-8")


def test_every_fault_is_there_with_its_sentence() -> None:
    assert [line for line in PAGE.splitlines() if line.startswith("| `") and line.count("`") == 2] == [
        f"| `{reason}` | {fault.mend} |" for reason, fault in FAULTS.items()
    ]


def test_every_resource_and_metric_is_there() -> None:
    rights = PAGE.partition("## Rights")[2]
    assert [one.name for one in RESOURCES if one.name not in rights] == []
    shown = [name for name, metric in METRICS.items() if metric.roles == ("watch",) and name != "threat_watch_info"]
    assert len(shown) > 5
    assert [name for name in shown if f"`{name}`" not in PAGE] == []
