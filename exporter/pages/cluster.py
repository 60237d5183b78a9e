"""The status page of `threatboard watch`: what is missing in the cluster, and what mends it."""

import time
from collections.abc import Iterator, Mapping

from exporter import __version__
from exporter.catalog.watch import AGENTS, FAULTS
from exporter.clock import Clock
from exporter.pages.status.markup import Html, element, foreign, page, text
from exporter.pages.status.pieces import CONTROL_NAMES, duration, moment, no_data, none, section, table
from exporter.pages.status.style import STYLE
from exporter.pollers.alertmanager import COMMON, Alertmanager
from exporter.pollers.coverage import Coverage
from exporter.pollers.coverage.hosts import Served
from exporter.pollers.coverage.snapshot import Snapshot
from exporter.server.http import Answer

MAX_ROWS = 200
"""Most rows of a table; the metrics have them all."""


class ClusterPage:
    """Answers a request for the page; None where the cluster, or Alertmanager, is not watched."""

    def __init__(self, coverage: Coverage | None, alertmanager: Alertmanager | None, clock: Clock = time) -> None:
        self._coverage = coverage
        self._alertmanager = alertmanager
        self._clock = clock

    def __call__(self, query: Mapping[str, str]) -> Answer:
        if query:
            return Answer.refusal(400, "", f"unknown parameter {min(query)!r}; there are none")
        now = self._clock.time()
        header = element(
            "header",
            element("h1", "threatboard watch"),
            element("p", f"Version {__version__}. As of ", moment(now), "."),
        )
        content = [section("Cluster", none("cluster.enabled is false: nothing is watched."))]
        if self._coverage is not None:
            content = list(_sections(self._coverage, now))
        content.append(_alerts(self._alertmanager, now))
        return page("threatboard watch", STYLE, header, element("main", *content))


def _sections(coverage: Coverage, now: float) -> Iterator[Html]:
    snapshot = coverage.snapshot
    concerns = [*_concerns(snapshot), *_unread(coverage)]
    if concerns:
        listed = element("ul", *[element("li", one) for one in concerns])
        yield section("Needs attention", element("div", listed, class_="card bad"))
    elif coverage.last_success is None:
        yield section("Needs attention", no_data("The cluster has not been read yet."))
    else:
        yield section("Needs attention", none("What could be looked at is as it should be."))
    yield _agents(snapshot)
    yield _namespaces(snapshot)
    yield _hosts(snapshot)
    yield _drills(snapshot, now)
    yield _resources(coverage)


def _concerns(snapshot: Snapshot) -> Iterator[Html | str]:
    for agent, nodes in snapshot.missing.items():
        if nodes:
            shown = ", ".join(nodes[:10]) + (f" and {len(nodes) - 10:,} more" if len(nodes) > 10 else "")
            yield element("span", f"{CONTROL_NAMES[AGENTS[agent]]} is not ready on ", foreign(shown), ".")
    for (_, component, reason), there in snapshot.values.get("threat_configuration_fault", {}).items():
        if there:
            yield element("span", FAULTS[reason].mend, " ", element("code", f"{component}: {reason}", class_="soft"))


def _unread(coverage: Coverage) -> Iterator[Html]:
    for one in coverage.states():
        if one.state in ("forbidden", "failing"):
            what = "may not be read" if one.state == "forbidden" else "cannot be read"
            yield element("span", f"{one.name} {what}: ", foreign(one.reason))


def _agents(snapshot: Snapshot) -> Html:
    counted = snapshot.values.get("threat_coverage_nodes")
    if not counted:
        return section("Nodes", no_data("No agent's DaemonSet is known, or the nodes cannot be read."))
    rows = [(CONTROL_NAMES[control], state, int(count)) for (control, state), count in counted.items() if count]
    return section("Nodes", table("Nodes by how they stand to each agent", ("Control", "State", "Nodes"), rows))


def _namespaces(snapshot: Snapshot) -> Html:
    title = "Namespaces"
    counted = snapshot.values.get("threat_coverage_pods")
    if not counted:
        return section(title, no_data("Namespaces, pods or policies cannot be read."))
    open_pods = sorted((-count, labels) for labels, count in counted.items() if labels[2] == "open" and count)
    if not open_pods:
        return section(title, none("A policy holds every pod in both directions."))
    rows = [(foreign(namespace), direction, -int(count)) for count, (namespace, direction, _) in open_pods[:MAX_ROWS]]
    return section(title, table("Pods that no policy holds", ("Namespace", "Direction", "Pods"), rows))


def _hosts(snapshot: Snapshot) -> Html:
    title = "Hosts"
    if "threat_ingress_host_info" not in snapshot.values:
        return section(title, no_data("Ingresses, HTTPRoutes, Services or pods cannot be read."))
    if not snapshot.unserved:
        return section(title, none("waf.hosts lacks none, or no WAF is expected."))
    found = {one.host: one for one in snapshot.unserved[:MAX_ROWS]}
    entries = Html("\n").join([text(line) for line in ("waf:", "  hosts:", *map(_entry, found.values()))])
    return section(
        title, element("p", "Entries that waf.hosts lacks, to check and add:"), element("pre", Html(entries))
    )


def _entry(one: Served) -> str:
    if one.workload:
        return f"    {_quoted(one.host)}: {{namespace: {one.namespace}, workload: {one.workload}}}"
    return f"    {_quoted(one.host)}: {{namespace: {one.namespace}, workload: …}}  # behind the Service {one.service}"


def _quoted(host: str) -> str:
    return f'"{host}"' if "*" in host else host


def _drills(snapshot: Snapshot, now: float) -> Html:
    acts = snapshot.values.get("threat_drill_last_run_timestamp_seconds")
    if acts is None:
        return section("Drills", no_data("Pods cannot be read."))
    if not acts:
        return section("Drills", none("No drill has ended whose pod is still there."))
    stopped = snapshot.values["threat_drill_stopped"]
    rows = [
        (CONTROL_NAMES[control], foreign(node), f"{duration(now - at)} ago", _outcome(stopped.get((control, node))))
        for (control, node), at in acts.items()
    ]
    return section("Drills", table("The newest acts", ("Control", "Node", "When", "Stopped"), rows[:MAX_ROWS]))


def _outcome(stopped: float | None) -> str:
    return "–" if stopped is None else "yes" if stopped else "no"


def _alerts(alertmanager: Alertmanager | None, now: float) -> Html:
    title = "Alerts"
    if alertmanager is None:
        return section(title, none("alertmanager.urls is empty: what becomes of alerts is not measured."))
    if alertmanager.problem:
        sentence = element("p", "Alertmanager cannot be read: ", foreign(alertmanager.problem), ".")
        return section(title, element("div", sentence, class_="card bad"))
    if not alertmanager.success:
        return section(title, no_data("Alertmanager has not been read yet."))
    waiting = alertmanager.unacknowledged()
    if not waiting:
        return section(title, none("Nothing fires that nobody looks at."))
    rows = [
        (foreign(_named(one.labels)), foreign(one.labels.get("severity", "–")), f"for {duration(now - one.told)}")
        for one in waiting[:MAX_ROWS]
    ]
    return section(title, table("What fires and nobody looks at", ("Alert", "Severity", "People know"), rows))


def _named(labels: Mapping[str, str]) -> str:
    rest = ", ".join(f"{name} {value}" for name, value in labels.items() if name not in COMMON)
    return f"{labels.get('alertname', '')}: {rest}" if rest else labels.get("alertname", "")


def _resources(coverage: Coverage) -> Html:
    rows = [(one.name, one.state, f"for {duration(one.seconds)}", one.objects) for one in coverage.states()]
    return section("Resources", table("What is read of the cluster", ("Resource", "State", "Since", "Objects"), rows))
