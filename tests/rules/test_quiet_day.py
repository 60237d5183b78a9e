"""On a normal day nothing but the watchdog fires: not on an empty Prometheus, and not after days of history."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from rules.tree import load
from tests.rules import quiet

Tool = Callable[[str], Path]

FIRED = 'group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1d]))'
"""What fired at any time of the last day."""


def _fired(promtool: Path, folder: Path, days: int, step: str, extra: dict[str, str] | None) -> set[str]:
    tree = load()
    test = {
        "rule_files": [str(path) for path in dict.fromkeys(rule.path for rule in tree.rules)],
        "group_eval_order": list(dict.fromkeys(group["name"] for group in tree.groups)),
        "evaluation_interval": step,
        "tests": [
            {
                "interval": "1m",
                "input_series": quiet.series(days) + ([extra] if extra else []),
                "promql_expr_test": [{"expr": FIRED, "eval_time": f"{days}d", "exp_samples": []}],
            }
        ],
    }
    path = folder / "quiet.yaml"
    path.write_text(yaml.safe_dump(test, width=10**9), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "got:" in said, said  # the watchdog always fires, so an empty answer cannot be right
    return {part.split('"')[0] for part in said.split("got:")[1].split('alertname="')[1:]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("days", "step"), [(1, "2m"), (9, "5m")], ids=["on an empty Prometheus", "after eight days of history"]
)
def test_only_the_watchdog_fires_on_a_normal_day(tool: Tool, tmp_path: Path, days: int, step: str) -> None:
    assert _fired(tool("promtool"), tmp_path, days, step, None) == {"PlatformWatchdog"}


def test_one_critical_alert_disturbs_the_quiet_day(tool: Tool, tmp_path: Path) -> None:
    alert = 'threat_falco_alerts_total{rule="Escape",priority="critical",k8s_ns_name="shop",workload="web",tactic=""}'
    extra = {"series": alert, "values": "0+0x700 1+0x738"}
    # Steps shorter than the 5 minutes that it looks back: a range is open on the left in Prometheus 3.
    assert _fired(tool("promtool"), tmp_path, 1, "4m", extra) == {"PlatformWatchdog", "IdsCriticalAlert"}
