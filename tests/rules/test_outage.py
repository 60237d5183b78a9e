"""Who is gone on Friday evening is alarmed about until Monday: in one alert each, from its beginning to its end.

Each story plays four days of a small cluster against all alarms of the platform: two hours of health, 72 hours without
one part, and the rest with it again.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from rules.tree import load

Tool = Callable[[str], Path]

STEP = 4
BEGIN, OUT, END = 120, 72 * 60, 80 * 60
"""Minutes: when it begins to be gone, for how long, and when the story ends."""

EXPORTER = 'cluster="prod",job="threatboard",instance="10.0.1.1:9376",namespace="monitoring",pod="threatboard-1"'
READ = ("thresholds", "network", "platform", "presence", "coverage", "silence")
"""The recordings that alarms about absence read; the others would only cost time here."""

ALARMS = 'ALERTS{alertstate="firing", severity=~"critical|warning"}'
_REST = END - BEGIN - OUT


def _steady(value: str, change: str) -> str:
    """A value that is always there, each minute more by `change`."""
    return f"{value}{change}x{END}"


def _with_a_hole(value: str) -> str:
    """A value that is gone during the outage."""
    return f"{value}+0x{BEGIN - 1} stale _x{OUT - 2} {value}+0x{_REST}"


def _down() -> str:
    """`up` of a target that does not answer during the outage."""
    return f"1+0x{BEGIN - 1} 0+0x{OUT - 1} 1+0x{_REST}"


@dataclass(frozen=True)
class Cluster:
    """A cluster of two nodes; what is named is gone for 72 hours."""

    falco: bool = False
    cilium: bool = False
    receiver: bool = False
    policies: bool = False
    discovered: bool = True
    """Whether Prometheus still knows the agents' targets; else the DaemonSet is gone as well."""
    state_metrics: bool = True
    """Whether there is kube-state-metrics, without which nobody says what nodes there are."""

    def series(self) -> dict[str, str]:
        found = {'up{cluster="prod",job="node",instance="10.0.0.1:9100"}': _steady("1", "+0")}
        for number in (1, 2):
            node = f'node="node-{number}"'
            if self.state_metrics:
                found[f'kube_node_info{{cluster="prod",{node},internal_ip="10.0.0.{number}"}}'] = _steady("1", "+0")
            found |= self._cilium(f'cluster="prod",job="cilium-agent",instance="10.0.0.{number}:9962",{node}')
        return found | self._receiver()

    def _cilium(self, at: str) -> dict[str, str]:
        shown = _with_a_hole if self.cilium else lambda value: _steady(value, "+0")
        unenforced = f"3+0x{BEGIN + 1500} 5+0x{OUT - 1} 3+0x{END}" if self.policies else _steady("3", "+0")
        return {
            f"up{{{at}}}": (_down() if self.discovered else shown("1")) if self.cilium else _steady("1", "+0"),
            f'cilium_version{{{at},version="1.20.0"}}': shown("0"),
            f"cilium_policy{{{at}}}": shown("42"),
            f'cilium_policy_endpoint_enforcement_status{{{at},enforcement="none"}}': unenforced,
            f'hubble_flows_processed_total{{{at},type="Trace"}}': shown("9"),
        }

    def _receiver(self) -> dict[str, str]:
        shown = _with_a_hole if self.receiver else lambda value: _steady(value, "+0")
        found = {f"up{{{EXPORTER}}}": _down() if self.receiver else _steady("1", "+0")}
        found[f'threat_build_info{{{EXPORTER},version="0.1.0"}}'] = shown("1")
        found[f'threat_events_accepted_total{{{EXPORTER},control="ids"}}'] = shown("9")
        for control, component in (("ids", "falco"), ("network", "cilium"), ("network", "hubble")):
            found[f'threat_control_expected{{{EXPORTER},control="{control}",component="{component}"}}'] = shown("1")
        for number in (1, 2):
            name = f'threat_falco_snapshot_timestamp_seconds{{{EXPORTER},hostname="node-{number}",source="syscall"}}'
            found[name] = self._snapshots()
        return found

    def _snapshots(self) -> str:
        late = f"{(BEGIN + OUT) * 60}+60x{_REST}"
        if self.receiver:
            return f"0+60x{BEGIN - 1} stale _x{OUT - 2} {late}"
        if self.falco:  # An idle series leaves the exporter's page after six hours.
            return f"0+60x{BEGIN - 1} {BEGIN * 60 - 60}+0x359 stale _x{OUT - 362} {late}"
        return _steady("0", "+60")


def _play(promtool: Path, folder: Path, cluster: Cluster, hours: list[float], end: int) -> list[set[str]]:
    """What fires at each of these hours, the watchdog left out."""
    tree = load()
    rules = [rule for rule in tree.recordings if rule.path.stem in READ]
    rules += [rule for rule in tree.alerts if rule.family == "platform" or rule.name == "NetworkEndpointsUnenforced"]
    asked = [{"expr": f"group by (alertname) ({ALARMS})", "eval_time": f"{hour * 60:.0f}m"} for hour in hours]
    asked.append(
        {
            "expr": f"max by (alertname) (changes(ALERTS_FOR_STATE{{severity!='info'}}[{end}m])) > 0",
            "eval_time": f"{end}m",
        }
    )
    test = {
        "rule_files": [str(path) for path in dict.fromkeys(rule.path for rule in rules)],
        "group_eval_order": list(dict.fromkeys(rule.group for rule in rules)),
        "evaluation_interval": f"{STEP}m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in cluster.series().items()],
                "promql_expr_test": [{**one, "exp_samples": [{"labels": "never", "value": 0}]} for one in asked],
            }
        ],
    }
    path = folder / "outage.yaml"
    path.write_text(yaml.safe_dump(test, width=10**9), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True)
    answers = (done.stdout + done.stderr).split("got:")[1:]
    assert len(answers) == len(asked), done.stdout + done.stderr
    return [{part.split('"')[0] for part in answer.split("exp:")[0].split('alertname="')[1:]} for answer in answers]


HOURS = [1.5, 3, 12, 23, 25.5, 27, 31, 50, 73.5, 76]
"""Also where a day, and a day and the exporter's six hours, are over; the first and the last are healthy."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("cluster", "alarms"),
    [
        (Cluster(falco=True), {"PlatformFalcoSilent"}),
        (Cluster(falco=True, state_metrics=False), {"PlatformFalcoSilent"}),
        (Cluster(cilium=True), {"PlatformControlDown"}),
        (Cluster(cilium=True, discovered=False), {"PlatformCiliumMetricsAbsent"}),
        (Cluster(receiver=True), {"PlatformExporterAbsent"}),
        (Cluster(), set()),
    ],
    ids=["Falco", "Falco, without kube-state-metrics", "Cilium", "Cilium's DaemonSet", "our receiver", "nothing"],
)
def test_an_outage_of_72_hours_alarms_until_its_end(
    tool: Tool, tmp_path: Path, cluster: Cluster, alarms: set[str]
) -> None:
    *fired, begun_anew = _play(tool("promtool"), tmp_path, cluster, HOURS, BEGIN + OUT)
    assert fired == [set(), *[alarms] * (len(HOURS) - 2), set()]
    assert begun_anew == set(), "an alarm that ends and begins again is two messages"


@pytest.mark.timeout(300)
def test_endpoints_without_policy_alarm_until_they_are_enforced(tool: Tool, tmp_path: Path) -> None:
    start = (BEGIN + 1500) / 60
    hours = [start - 1, start + 1, start + 24, start + 26, start + 40, start + 52]
    fired = _play(tool("promtool"), tmp_path, Cluster(policies=True), hours, END)
    assert fired == [set(), *[{"NetworkEndpointsUnenforced"}] * 5, set()]
