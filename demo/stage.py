"""The running servers of a story, and how they are set up: what ships, wired together on 127.0.0.1.

The past of the cluster is back-filled, because rules and boards compare with it: a day of everything that they read
from Cilium, Hubble and the kubelet and of what a WAF found, two days of what Hubble saw denied, and a week of Falco's
alerts. It ends some minutes ago, as if Prometheus had been restarted.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Literal, TypeVar

import yaml

from demo import cilium, ingress, kubelet, past, shipped, tools
from demo.alertmanager import Alertmanager
from demo.history import Span, fill, record
from demo.prometheus import Prometheus
from demo.series import Target, Timeline
from demo.servers import HOST, Exporter, Server
from demo.simulator import Simulator
from demo.slack import Slack
from demo.snapshots import Snapshots
from rules.tree import ROOT as RULES

HERE = Path(__file__).resolve().parent
DAY, GAP = 86_400.0, 600.0
RESEND = "6s"
"""Prometheus' own is a minute."""
WEEK = 7 * DAY + 2 * 3600
"""A little more than the 7 days for which a rule must not have been seen."""

Part = Literal["exporter", "prometheus", "alertmanager"]
S = TypeVar("S", bound=Server)
Say = Callable[[float, str], None]
"""Is told how many seconds something took, and what it was."""


@dataclass(frozen=True)
class Stage:
    """The running servers, and the folder with Prometheus' rule files."""

    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    simulator: Simulator
    slack: Slack
    rules: Path

    @property
    def servers(self) -> tuple[Server, ...]:
        """The processes."""
        return self.exporter, self.prometheus, self.alertmanager


def set_up(servers: ExitStack, folder: Path, say: Say, remember: bool = True) -> Stage:
    """Starts everything, with or without a past; raises `MissingToolError` or `ServerError`."""
    programs = {name: tools.get(name) for name in ("prometheus", "alertmanager", "promtool")}
    timeline = Timeline(time.time() - WEEK - DAY)
    if remember:
        began = time.monotonic()
        _remember(programs["promtool"], programs["prometheus"], folder, timeline)
        what = "a week of Falco's alerts and a day of the WAF, Cilium, Hubble and the kubelet are back-filled"
        say(time.monotonic() - began, f"{what}, with their recordings")
    slack = servers.enter_context(Slack())
    watchdog = servers.enter_context(Slack())  # takes the sign of life, in place of a service that waits for it
    simulator = servers.enter_context(Simulator(_live(), timeline))
    config = shipped.alertmanager(slack.url, watchdog.url, folder)
    alertmanager = _started(servers, say, Alertmanager(programs["alertmanager"], config, folder))
    exporter = _started(servers, say, Exporter(yaml.safe_load((HERE / "exporter.yml").read_text()), folder))
    servers.enter_context(Snapshots(exporter))
    rules = folder / "rules"
    rules.mkdir()
    config = _prometheus(shipped.write_rules(rules), alertmanager, exporter, simulator)
    prometheus = _started(servers, say, Prometheus(programs["prometheus"], config, folder, RESEND))
    return Stage(exporter, prometheus, alertmanager, simulator, slack, rules)


def _started(servers: ExitStack, say: Say, server: S) -> S:
    began = time.monotonic()
    servers.enter_context(server)
    say(time.monotonic() - began, f"{server.name} is ready at {server.url}")
    return server


def _live() -> tuple[Target, ...]:
    """What the simulator shows: everything but the exporter, which is a real one."""
    return (*cilium.targets("1.20"), *kubelet.targets(), *ingress.targets(), *past.targets()[1:])


def _remember(promtool: Path, prometheus: Path, folder: Path, timeline: Timeline) -> None:
    now = time.time() - GAP
    data = folder / "prometheus"
    week, days = Span(now - WEEK, now, 150), Span(now - 2 * DAY - 7200, now, 150)
    yesterday, day = replace(days, end=now - DAY - 7350), replace(days, start=now - DAY - 7200)
    fill(data, promtool, _only(past.targets()[:1], "threat_falco_alerts_total threat_build_info"), timeline, week)
    fill(data, promtool, [past.waf_that_detects(), *ingress.targets()], timeline, day)
    fill(data, promtool, _only(_live(), "".join(file.read_text() for file in _recordings())), timeline, day)
    fill(data, promtool, _only(_live(), "hubble_drop_total"), timeline, yesterday)
    # Namespaces are as old as the week: in a new one everything is new.
    fill(data, promtool, _only(_live(), "kube_pod_info"), timeline, replace(week, end=yesterday.end))
    *findings, network, workload = _recordings()
    counters = _part(findings, folder / "counters.yaml", lambda name: name.startswith("instance:"))
    minutes = _part(findings, folder / "minutes.yaml", lambda name: name.endswith(":increase1m"))
    rest = _part(
        findings, folder / "rest.yaml", lambda name: not name.startswith("instance:") and "increase1m" not in name
    )
    with Prometheus(prometheus, "global: {}", folder) as server:
        record(server, promtool, [counters], replace(week, step=60), levels=2)
        record(server, promtool, [rest], replace(week, step=300), levels=3)
        record(server, promtool, [minutes], replace(week, step=60), levels=2)
        record(server, promtool, [network, workload], replace(days, step=300), levels=2)


def _recordings() -> tuple[Path, ...]:
    return tuple(RULES / "recording" / f"{name}.yaml" for name in ("ids", "waf", "network", "workload"))


def _part(files: Sequence[Path], part: Path, wanted: Callable[[str], bool]) -> Path:
    """A file with those of the recordings of some files whose names are wanted."""
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    kept = [{**group, "rules": [rule for rule in group["rules"] if wanted(rule["record"])]} for group in groups]
    part.write_text(yaml.safe_dump({"groups": kept}))
    return part


def _only(targets: Sequence[Target], text: str) -> tuple[Target, ...]:
    """The targets with those of their series that a text names."""
    return tuple(replace(target, rows=tuple(row for row in target.rows if row.name in text)) for target in targets)


def _prometheus(rules: Sequence[Path], alertmanager: Alertmanager, exporter: Exporter, simulator: Simulator) -> str:
    names = {"alertmanager": f"{HOST}:{alertmanager.port}", "exporter": f"{HOST}:{exporter.port}"}
    config = yaml.safe_load(Template((HERE / "prometheus.yml").read_text()).substitute(names))
    config["rule_files"] = [str(file) for file in rules]
    # Its series go on where the back-filled ones of the exporter end.
    config["scrape_configs"][0]["static_configs"][0]["labels"] = dict(past.targets()[0].labels)
    config["scrape_configs"] += simulator.scrape_configs(config["global"]["scrape_interval"])
    return str(yaml.safe_dump(config))
