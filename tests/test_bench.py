"""The benchmarks' table, and that the load that they send is what they say."""

import json

import pytest

from bench.__main__ import BENCHMARKS, main
from bench.alert import batch, body
from bench.table import Row, at_least, at_most, markdown
from exporter.sources.falco import FALCO
from exporter.sources.falco_events import FalcoAlert


@pytest.mark.parametrize(
    ("measured", "target", "verdict"),
    [
        (5.0, at_least(5), "met"),
        (4.9, at_least(5), "missed"),
        (5.0, at_most(5), "met"),
        (5.1, at_most(5), "missed"),
        (5.0, None, ""),
    ],
)
def test_a_target_is_met_on_its_own_side_only(measured: float, target: object, verdict: str) -> None:
    assert Row("speed", measured, "x", target).verdict == verdict  # type: ignore[arg-type]


def test_the_table_is_markdown_with_a_line_for_each_row() -> None:
    table = markdown([Row("speed", 0.25, "x", at_least(0.3), "4 µs"), Row("memory", 1234.5, "MB")])
    first, second = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:])
    assert first == ["speed", "0.25 x", "≥ 0.3", "missed", "4 µs"]
    assert second == ["memory", "1,234 MB", "", "", ""]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_the_alerts_have_the_size_of_real_ones_and_a_workload() -> None:
    alerts = [alert for alert in FALCO.parse(batch(range(500)), 1000) if isinstance(alert, FalcoAlert)]
    assert {1000 < len(body(number)) < 1200 for number in range(500)} == {True}
    assert len({alert.k8s_pod_name for alert in alerts}) == 500
    assert {alert.workload for alert in alerts} == {"web"}
    assert json.loads(body(1))["rule"] == alerts[1].rule


def test_a_name_that_is_none_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["alert"])
    assert ", ".join(BENCHMARKS) in capsys.readouterr().err
