"""What threatboard's exporter, Falco and a WAF showed before anybody looked: their series for a back-filled history.

Live, the real exporter is scraped instead. The alerts are those of an ordinary day and, while the phase `ids` goes on,
those of an intruder who comes in through the WAF and walks along the attack chain in the victim's pod.
"""

from collections.abc import Iterator
from dataclasses import replace

from demo.cilium import histogram
from demo.cluster import NODES, PODS, VICTIM, Pod
from demo.series import Row, Target
from exporter import catalog

INTRUSION = (
    # rule, priority, tactic, alerts per second while the phase goes on
    ("Terminal shell in container", "notice", "execution", 0.02),
    ("Drop and execute new binary in container", "critical", "persistence", 0.01),
    ("Read sensitive file untrusted", "warning", "credential_access", 0.05),
    ("Contact K8S API Server From Container", "notice", "discovery", 0.08),
    ("Redirect STDOUT/STDIN to Network Connection in Container", "notice", "command_and_control", 0.03),
    ("Launch Suspicious Network Tool in Container", "notice", "exfiltration", 0.02),
)
ORDINARY = (
    # rule, priority, tactic, workload, alerts per second
    ("Terminal shell in container", "notice", "execution", "runner", 0.002),
    ("Contact K8S API Server From Container", "notice", "discovery", "kube-state-metrics", 0.004),
    ("Contact K8S API Server From Container", "notice", "discovery", "catalog", 0.001),
    ("Read sensitive file untrusted", "warning", "credential_access", "nightly", 0.0006),
    ("Clear Log Activities", "warning", "defense_evasion", "runner", 0.0003),
)

WAF_ORDINARY = (
    # rule, class, severity, verdict, workload, events per second
    ("913100", "scanner", "critical", "blocked", "catalog", 0.02),
    ("930120", "lfi", "critical", "blocked", "checkout", 0.01),
    ("942100", "sqli", "critical", "blocked", "catalog", 0.004),
    ("942430", "sqli", "warning", "detected", "catalog", 0.03),
    ("920350", "protocol", "warning", "detected", "", 0.01),
)
WAF_ATTACK = (
    ("942100", "sqli", "critical", "detected", "checkout", 0.02),
    ("932160", "rce", "critical", "blocked", "checkout", 0.5),
)
WAF_FOUND = ("threat_waf_events_total", "threat_waf_records_total", "threat_waf_client_events_total")
"""What the past of the story's WAF is made of."""

WATCHED = {"verdict": "detected", "mode": "detection_only"}
"""What an engine that only detects says of everything that it finds."""

CLIENTS = {"198.51.100.0/24": 0.02, "203.0.113.0/24": 0.003, "2001:db8:7::/48": 0.001}
"""Network of clients -> its requests per second that are blocked."""


def targets() -> tuple[Target, ...]:
    """One receiver, and Falco on every node with its own metrics turned on."""
    receiver = {
        "job": "threatboard",
        "instance": "10.0.1.20:9376",
        "namespace": "security",
        "pod": "threatboard-7d9c5b8f4-l2kqz",
    }
    found = [Target("/threatboard", receiver, (*_alerts(), *_waf(), *_events(), *_nodes(), *_itself()))]
    for node in NODES:
        place = {"namespace": "falco", "pod": f"falco-{node.agent[-5:]}", "node": node.name}
        labels = {**place, "job": "falco-metrics", "instance": f"{node.address}:8765"}
        found.append(Target(f"/falco/{node.name}", labels, tuple(_falco(node.name, node.share))))
    return tuple(found)


def waf_that_detects() -> Target:
    """What the receiver showed of a WAF that only detects, as the story's does, without the victim."""
    rows = [row for row in _itself() if row.labels.get("component") == "waf"]
    for row in _waf():
        if row.name in WAF_FOUND and row.labels.get("workload") != VICTIM.workload:
            watched = {} if row.steady else {key: value for key, value in WATCHED.items() if key in row.labels}
            rows.append(replace(row, labels={**row.labels, **watched}))
    return replace(targets()[0], rows=tuple(rows))


def _alert(pod: Pod, rule: str, priority: str, tactic: str) -> dict[str, str]:
    return {
        "rule": rule,
        "priority": priority,
        "source": "syscall",
        "tactic": tactic,
        "hostname": pod.node,
        "k8s_ns_name": pod.namespace,
        "k8s_pod_name": pod.name,
        "workload": pod.workload,
    }


def _alerts() -> Iterator[Row]:
    name = "threat_falco_alerts_total"
    for rule, priority, tactic, workload, rate in ORDINARY:
        for pod in PODS:
            if pod.workload == workload:
                yield Row(name, _alert(pod, rule, priority, tactic), rate)
    for rule, priority, tactic, rate in INTRUSION:
        yield Row(name, _alert(VICTIM, rule, priority, tactic), None, rate, "ids")
    host = {"rule": "Modify binary dirs", "priority": "error", "source": "syscall", "tactic": "defense_evasion"}
    nowhere = {"k8s_ns_name": "", "k8s_pod_name": "", "workload": ""}
    yield Row(name, {**host, **nowhere, "hostname": VICTIM.node}, None, 0.004, "ids")
    for priority in catalog.PRIORITIES:
        labels = dict.fromkeys(("rule", "tactic", "hostname", "k8s_ns_name", "k8s_pod_name", "workload"), catalog.OTHER)
        yield Row(name, {**labels, "priority": priority, "source": "syscall"}, 0.0, steady=True)
    suppressed = {"rule": "Contact K8S API Server From Container", "reason": "the operator's own controller"}
    yield Row("threat_falco_suppressed_total", suppressed, 0.01)


def _waf_event(rule: str, kind: str, severity: str, verdict: str, workload: str) -> dict[str, str]:
    place = {"host": f"{workload}.example.com", "k8s_ns_name": "shop", "workload": workload}
    nobody = {"host": catalog.OTHER, "k8s_ns_name": "", "workload": ""}
    found = {"engine": "modsecurity", "class": kind, "rule_id": rule, "severity": severity, "verdict": verdict}
    return {**found, **(place if workload else nobody)}


def _waf() -> Iterator[Row]:
    name = "threat_waf_events_total"
    for *of, rate in WAF_ORDINARY:
        yield Row(name, _waf_event(*of), rate)
    for *of, rate in WAF_ATTACK:
        yield Row(name, _waf_event(*of), None, rate, "ids")
    for verdict in catalog.WAF_VERDICTS:
        for severity in catalog.PRIORITIES:
            labels = dict.fromkeys(("engine", "class", "rule_id", "host", "k8s_ns_name", "workload"), catalog.OTHER)
            yield Row(name, {**labels, "severity": severity, "verdict": verdict}, 0.0, steady=True)
    calm, attack = sum(of[-1] for of in WAF_ORDINARY), sum(of[-1] for of in WAF_ATTACK)
    yield Row("threat_waf_records_total", {"engine": "modsecurity", "mode": "blocking"}, calm, attack, "ids")
    for verdict, share in (("blocked", 0.3), ("detected", 0.7)):
        labels = {"engine": "modsecurity", "verdict": verdict}
        yield Row("threat_waf_inferred_verdicts_total", labels, share * calm)
    yield Row("threat_waf_suppressed_total", {"rule_id": "941100", "reason": "the editor sends HTML"}, 0.005)
    for network, rate in CLIENTS.items():
        labels = {"client_network": network, "verdict": "blocked", "k8s_ns_name": "shop", "workload": "catalog"}
        yield Row("threat_waf_client_events_total", labels, rate)
    yield Row("threat_events_accepted_total", {"control": "waf"}, calm, attack, "ids")


def _events() -> Iterator[Row]:
    ordinary = 0.02
    yield Row("threat_events_accepted_total", {"control": "ids"}, ordinary, 0.25, "ids")
    yield Row("threat_events_rejected_total", {"control": "ids", "reason": "not_json"}, 0.00002)
    yield Row("threat_clock_skew_events_total", {"control": "ids"}, 0.0001)
    delays = Row("threat_event_delay_seconds", {"control": "ids"}, ordinary, 0.25, "ids")
    yield from histogram(delays, 0.8, catalog.DELAY_BUCKETS)


def _nodes() -> Iterator[Row]:
    for node in NODES:
        labels = {"hostname": node.name}
        yield Row("threat_last_event_timestamp_seconds", {**labels, "control": "ids"}, 300, kind="clock")
        calls = {**labels, "source": "syscall"}
        yield Row("threat_falco_snapshot_timestamp_seconds", calls, 60, kind="clock")
        yield Row("threat_falco_syscall_events_total", calls, 9000 * node.share)
        lost = 90.0 if node.name == VICTIM.node else 0.0
        yield Row("threat_falco_syscall_drops_total", calls, 0.02, lost, "ids")
        yield Row("threat_falco_drop_messages_total", labels, 0.0, lost / 20_000, "ids")


def _itself() -> Iterator[Row]:
    gauges: tuple[tuple[str, dict[str, str], float], ...] = (
        ("threat_control_expected", {"control": "ids", "component": "falco"}, 1),
        ("threat_control_expected", {"control": "network", "component": "cilium"}, 1),
        ("threat_control_expected", {"control": "network", "component": "hubble"}, 1),
        ("threat_control_expected", {"control": "waf", "component": "waf"}, 1),
        ("threat_waf_blocking_expected", {}, 1),
        ("threat_waf_clients_counted", {}, 1),
        ("threat_series", {"family": "threat_falco_alerts_total"}, 31),
        ("threat_series_limit", {"family": "threat_falco_alerts_total"}, 20_000),
        ("threat_config_reload_success", {}, 1),
        ("threat_state_healthy", {}, 1),
        ("threat_build_info", {"version": "0.1.0"}, 1),
    )
    for name, labels, level in gauges:
        yield Row(name, labels, level, kind="gauge", steady=True)
    for name in ("threat_series_overflow_total", "threat_series_expired_total"):
        yield Row(name, {"family": "threat_falco_alerts_total"})
    yield Row("threat_event_lines_dropped_total")


def _falco(node: str, share: float) -> Iterator[Row]:
    yield Row("falcosecurity_falco_version_info", {"version": "0.43.0"}, 1, kind="gauge", steady=True)
    yield Row("falcosecurity_scap_n_evts_total", {}, 9000 * share)
    yield Row("falcosecurity_scap_n_drops_total", {}, 0.02, 90.0 if node == VICTIM.node else 0.0, "ids")
    yield Row("falcosecurity_falco_outputs_queue_num_drops_total", {}, 0)
    file = {"file_name": "/etc/falco/falco_rules.yaml", "sha256": "51be07aa" * 8}
    yield Row("falcosecurity_falco_sha256_rules_files_info", file, 1, kind="gauge", steady=True)
