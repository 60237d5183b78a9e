"""Cilium agents and Hubble as Prometheus sees them, with the names of Cilium 1.12 or of 1.20.

Names and labels are those of cilium/cilium pkg/metrics/metrics.go and pkg/hubble/metrics/*/handler.go at the two
versions; what was renamed or removed between them is in `docs/boards.md`. Values are invented. Hubble has the label
options that the chart's notes recommend; 1.12 has no such options.

    targets("1.20")  ->  an agent and a Hubble target for each node
"""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

from demo.cluster import NODES, PODS, VICTIM, Node, Pod
from demo.series import Phase, Row, Target

Generation = Literal["1.12", "1.20"]
GENERATIONS: tuple[Generation, ...] = ("1.12", "1.20")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WORLD = "reserved:world"

_DROPS: tuple[tuple[str, str, float, float, Phase | None, int], ...] = (
    # direction, reason, calm per second, more per second while the phase goes on, bytes of a packet
    ("EGRESS", "Policy denied", 0.02, 6.0, "egress", 78),
    ("EGRESS", "Policy denied by denylist", 0.001, 0.4, "egress", 74),
    ("EGRESS", "Service backend not found", 0.004, 0.0, None, 76),
    ("EGRESS", "Stale or unroutable IP", 0.008, 0.0, None, 76),
    ("EGRESS", "Unsupported L3 protocol", 0.03, 0.0, None, 75),
    ("INGRESS", "Policy denied", 0.01, 1.2, "egress", 68),
    ("INGRESS", "Stale or unroutable IP", 0.006, 0.0, None, 76),
    ("INGRESS", "Invalid source ip", 0.001, 0.0, None, 82),
    ("INGRESS", "CT: Map insertion failed", 0.0005, 0.0, None, 76),
    ("UNKNOWN", "Host datapath not ready", 0.0003, 0.0, None, 86),
)


def targets(generation: Generation) -> tuple[Target, ...]:
    """The scrape targets of every node: the agent's port 9962 and Hubble's port 9965."""
    found = []
    for node in NODES:
        place = {"namespace": "kube-system", "pod": node.agent, "node": node.name}
        agent = {**place, "job": "cilium-agent", "instance": f"{node.address}:9962"}
        hubble = {**place, "job": "hubble-metrics", "instance": f"{node.address}:9965"}
        found.append(Target(f"/agent/{node.name}", agent, tuple(_agent(node, generation))))
        found.append(Target(f"/hubble/{node.name}", hubble, tuple(_hubble(node, generation))))
    return tuple(found)


def _here(node: Node, attack: float) -> float:
    """The attack's part on this node: it comes from the victim's node alone."""
    return attack if node.name == VICTIM.node else 0.0


def histogram(row: Row, mean: float, buckets: Iterable[float] = BUCKETS) -> Iterator[Row]:
    """The series of a histogram whose observations are those of `row`, a counter without suffix, of this mean."""
    for edge in (*buckets, math.inf):
        share = 1 - math.exp(-edge / mean)
        bound = "+Inf" if math.isinf(edge) else f"{edge:g}"
        labels = {**row.labels, "le": bound}
        calm = None if row.calm is None else row.calm * share
        start = row.start * share
        yield Row(f"{row.name}_bucket", labels, calm, row.attack * share, row.phase, steady=True, start=start)
    calm = None if row.calm is None else row.calm * mean
    start = row.start * mean
    yield Row(f"{row.name}_sum", row.labels, calm, row.attack * mean, row.phase, "amount", True, start)
    yield Row(f"{row.name}_count", row.labels, row.calm, row.attack, row.phase, steady=True, start=row.start)


# The agent ---------------------------------------------------------------------------------------------------


def _agent(node: Node, generation: Generation) -> Iterator[Row]:
    for direction, reason, calm, attack, phase, size in _DROPS:
        labels = {"direction": direction, "reason": reason}
        rate, more = calm * node.share, _here(node, attack)
        yield Row("cilium_drop_count_total", labels, rate, more, phase, start=40)
        yield Row("cilium_drop_bytes_total", labels, rate * size, more * size, phase, start=40 * size)
    for direction, packets in (("EGRESS", 900.0), ("INGRESS", 1400.0)):
        yield Row("cilium_forward_count_total", {"direction": direction}, packets * node.share)
        yield Row("cilium_forward_bytes_total", {"direction": direction}, packets * node.share * 700)
    yield from _proxy(node, generation)
    yield from _policy(node)
    yield from _health(node, generation)
    yield from _OF_GENERATION[generation](node)


def _proxy(node: Node, generation: Generation) -> Iterator[Row]:
    proxies: tuple[tuple[dict[str, str], float, float], ...] = (
        ({"proxy_type": "fqdn"}, 4.0, 0.3),
        ({"proxy_type": "envoy"}, 6.0, 0.0),
    )
    if generation == "1.12":
        proxies = (({}, 10.0, 0.3),)
    for proxy, calm, denied in proxies:
        labels = {"rule": "received", **proxy}
        yield Row("cilium_policy_l7_total", labels, calm * node.share, _here(node, 30 * denied), "dns")
        labels = {"rule": "forwarded", **proxy}
        yield Row("cilium_policy_l7_total", labels, calm * 0.995 * node.share, _here(node, 25 * denied), "dns")
        labels = {"rule": "denied", **proxy}
        yield Row("cilium_policy_l7_total", labels, 0.004 * node.share, _here(node, 5 * denied), "dns")
        yield Row("cilium_policy_l7_total", {"rule": "parse_errors", **proxy}, 0.001, _here(node, denied), "dns")
    for scope, mean in (("upstreamTime", 0.004), ("processingTime", 0.0002), ("totalTime", 0.0043)):
        labels = {"error": "allow", "protocol_l7": "dns", "scope": scope}
        name = "cilium_proxy_upstream_reply_seconds"
        yield from histogram(Row(name, labels, 1.2 * node.share), mean * node.share)
        timeouts = Row(name, {**labels, "error": "timeout"}, None, _here(node, 0.05), "dns")
        if scope == "upstreamTime" and timeouts.attack:
            yield from histogram(timeouts, 2.0)
    if node.name != "worker-3":  # no endpoint there has an L7 rule, so the series does not exist
        yield Row("cilium_proxy_redirects", {"protocol_l7": "dns"}, round(6 * node.share), kind="gauge", steady=True)
        yield Row("cilium_proxy_redirects", {"protocol_l7": "http"}, 2, kind="gauge", steady=True)


def _policy(node: Node) -> Iterator[Row]:
    # The change that is made during the attack reaches two nodes; the third cannot import it.
    fails = node.name == "worker-3"
    yield Row("cilium_policy", {}, 27, 0 if fails else 1, "policy", "gauge", steady=True)
    revision = {"worker-1": 158, "worker-2": 152, "worker-3": 61}[node.name]
    yield Row("cilium_policy_max_revision", {}, revision, 0 if fails else 1, "policy", "gauge", steady=True)
    endpoints = {
        "both": 9,
        "egress": 2,
        "ingress": 4,
        "none": 3,
        "audit-both": 0,
        "audit-egress": 0,
        "audit-ingress": 1,
    }
    for enforcement, number in endpoints.items():
        labels = {"enforcement": enforcement}
        yield Row("cilium_policy_endpoint_enforcement_status", labels, number, kind="gauge", steady=True)
    for source in ("k8s", "custom-resource"):
        row = Row("cilium_policy_implementation_delay", {"source": source}, 0.002, 0.02, "policy", start=30)
        yield from histogram(row, 0.18 * node.share)


def _health(node: Node, generation: Generation) -> Iterator[Row]:
    version = {"version": "1.12.19"}
    if generation == "1.20":
        version = {"version": "1.20.0", "revision": "0a1b2c3d", "arch": "linux/amd64"}
    yield Row("cilium_version", version, 0, kind="gauge", steady=True)
    gauges: tuple[tuple[str, dict[str, str], float], ...] = (
        ("cilium_unreachable_nodes", {}, 0),
        ("cilium_unreachable_health_endpoints", {}, 0),
        ("cilium_controllers_failing", {}, 0),
        ("cilium_endpoint", {}, 19),
        ("cilium_endpoint_state", {"endpoint_state": "ready"}, 19),
        ("cilium_endpoint_state", {"endpoint_state": "regenerating"}, 0),
    )
    for name, labels, level in gauges:
        yield Row(name, labels, level, kind="gauge", steady=True)
    policy_map = "policy_2041" if generation == "1.12" else "cilium_policy_*"
    for name, level in (("ct4_global", 0.18), ("snat_v4_external", 0.05), (policy_map, 0.12)):
        yield Row("cilium_bpf_map_pressure", {"map_name": name}, level * node.share, 0.1, "egress", "gauge")
    yield Row(
        "cilium_endpoint_regenerations_total", {"outcome": "success"}, 0.01 * node.share, 0.2, "policy", start=700
    )
    fail = Row("cilium_endpoint_regenerations_total", {"outcome": "fail"}, 0, _here(node, 0.01), "policy", start=1)
    yield fail
    for scope, mean in (("total", 0.35), ("policyCalculation", 0.002), ("bpfLoadProg", 0.05)):
        labels = {"scope": scope, "status": "success"}
        row = Row(
            "cilium_endpoint_regeneration_time_stats_seconds", labels, 0.01 * node.share, 0.2, "policy", start=700
        )
        yield from histogram(row, mean * node.share)


def _agent_1_12(node: Node) -> Iterator[Row]:
    fails = 0.01 if node.name == "worker-3" else 0.0
    yield Row("cilium_policy_import_errors_total", {}, 0, fails, "policy", start=2)
    for reason, rate in (("one or more identities created or deleted", 0.01), ("policy rules added", 0.001)):
        yield Row(
            "cilium_triggers_policy_update_total", {"reason": reason}, rate * node.share, 0.05, "policy", start=300
        )
    for kind, mean in (("duration", 0.016), ("latency", 0.36)):
        row = Row(
            "cilium_triggers_policy_update_call_duration_seconds", {"type": kind}, 0.011, 0.05, "policy", start=300
        )
        yield from histogram(row, mean * node.share)


def _agent_1_20(node: Node) -> Iterator[Row]:
    # The agent counts failures as "fail", which is born at its first event, and shows "failure" at 0 from the start.
    fails = node.name == "worker-3"
    yield Row("cilium_policy_change_total", {"outcome": "success"}, 0.0005, 0.0 if fails else 0.01, "policy", start=148)
    yield Row("cilium_policy_change_total", {"outcome": "failure"}, 0)
    if fails:
        yield Row("cilium_policy_change_total", {"outcome": "fail"}, None, 0.01, "policy", start=1)
    labels = {"name": "id-alloc-update-policy-maps"}
    row = Row("cilium_identity_updater_timer_duration", labels, 0.01 * node.share, 0.05, "policy", start=626)
    yield from histogram(row, 0.0023 * node.share)


_OF_GENERATION = {"1.12": _agent_1_12, "1.20": _agent_1_20}


# Hubble ------------------------------------------------------------------------------------------------------


def _hubble(node: Node, generation: Generation) -> Iterator[Row]:
    tables = (_hubble_1_12,) if generation == "1.12" else (_flows, _drops, _names, _verdicts, _http)
    for table in tables:
        yield from table(node)


def _pods(node: Node) -> tuple[Pod, ...]:
    return tuple(pod for pod in PODS if pod.node == node.name and not pod.host_network)


def _from(pod: Pod, end: str = "source") -> dict[str, str]:
    return {f"{end}_namespace": pod.namespace, f"{end}_pod": pod.name, f"{end}_workload": pod.workload}


_NOBODY = {f"destination_{part}": "" for part in ("namespace", "pod", "workload")}


def _flows(node: Node) -> Iterator[Row]:
    name = "hubble_flows_processed_total"
    for namespace in sorted({pod.namespace for pod in _pods(node)}):
        labels = {"protocol": "TCP", "source_namespace": namespace, "destination_namespace": ""}
        traced = {"type": "Trace", "subtype": "to-stack", "verdict": "FORWARDED", "traffic_direction": "egress"}
        yield Row(name, {**labels, **traced}, 14 * node.share)
        dropped = {"type": "Drop", "subtype": "", "verdict": "DROPPED", "traffic_direction": "egress"}
        more = _here(node, 6.0) if namespace == VICTIM.namespace else 0.0
        yield Row(name, {**labels, **dropped}, 0.02, more, "egress")
    for source in ("perf_event_ring_buffer", "observer_events_queue", "hubble_ring_buffer"):
        lost = 0.5 if source == "observer_events_queue" else 0.0
        yield Row("hubble_lost_events_total", {"source": source}, 0, _here(node, lost), "egress")
    for pod in _pods(node):
        attacked = pod == VICTIM
        labels = {"protocol": "TCP", **_from(pod)}
        world = "hubble_flows_to_world_total"
        yield Row(world, {**labels, "verdict": "FORWARDED"}, 0.4 * node.share, 9.0 if attacked else 0.0, "egress")
        if attacked:
            yield Row(world, {**labels, "verdict": "DROPPED"}, None, 6.0, "egress")


def _drops(node: Node) -> Iterator[Row]:
    name = "hubble_drop_total"
    for pod in _pods(node):
        labels = {**_from(pod), **_NOBODY, "protocol": "TCP", "traffic_direction": "egress"}
        yield Row(name, {**labels, "reason": "STALE_OR_UNROUTABLE_IP"}, 0.003)
        if pod == VICTIM:
            yield Row(name, {**labels, "reason": "POLICY_DENIED"}, None, 6.0, "egress")
            ledger = {**labels, **_from(PODS[3], "destination"), "reason": "POLICY_DENIED"}
            yield Row(name, {**ledger, "traffic_direction": "ingress"}, None, 1.2, "egress")
        elif pod.workload == "runner":
            yield Row(name, {**labels, "reason": "POLICY_DENIED"}, 0.0005, start=60)


def _names(node: Node) -> Iterator[Row]:
    asked, answered = "hubble_dns_queries_total", "hubble_dns_responses_total"
    for pod in _pods(node):
        attacked, share = pod == VICTIM, 0.3 * node.share
        query = {**_from(pod), "destination_namespace": "kube-system", "ips_returned": "0"}
        for kind in ("A", "AAAA"):
            yield Row(asked, {**query, "qtypes": kind, "rcode": ""}, share, 4.0 if attacked else 0.0, "dns")
        reply = {
            "source_namespace": "kube-system",
            "source_pod": "coredns-5d78c9869d-4bq2w",
            "source_workload": "coredns",
            "destination_namespace": pod.namespace,
            "qtypes": "A",
        }
        if pod.name == min(other.name for other in _pods(node) if other.namespace == pod.namespace):
            yield Row(answered, {**reply, "rcode": "No Error", "ips_returned": "2"}, share)
            missing = {**reply, "rcode": "Non-Existent Domain", "ips_returned": "0"}
            yield Row(answered, missing, 0.5 * share, 14.0 if pod.namespace == VICTIM.namespace else 0.0, "dns")
        if attacked:
            yield Row(asked, {**query, "qtypes": "TXT", "rcode": ""}, None, 150.0, "dns")
            yield Row(asked, {**query, "qtypes": "A", "rcode": "Policy denied"}, None, 1.5, "dns")


def _verdicts(node: Node) -> Iterator[Row]:
    name = "hubble_policy_verdicts_total"
    for pod in _pods(node):
        labels = {"source": pod.workload, "source_namespace": pod.namespace}
        out = {**labels, "destination": WORLD, "destination_namespace": "", "direction": "egress"}
        yield Row(name, {**out, "match": "l3-l4", "action": "forwarded"}, 0.8 * node.share)
        if pod == VICTIM:
            yield Row(name, {**out, "match": "none", "action": "dropped"}, None, 6.0, "egress")
            names = {**labels, "destination": "kube-dns", "destination_namespace": "kube-system", "direction": "egress"}
            yield Row(name, {**names, "match": "l7/dns", "action": "dropped"}, None, 1.5, "dns")
            ledger = {**labels, "destination": "ledger", "destination_namespace": "payments", "direction": "ingress"}
            yield Row(name, {**ledger, "match": "none", "action": "dropped"}, None, 1.2, "egress")
            yield Row(name, {**ledger, "match": "l3-l4", "action": "audit"}, 0.01)


def _http(node: Node) -> Iterator[Row]:
    if node.name != VICTIM.node:
        return
    labels = {
        "method": "GET",
        "protocol": "HTTP/1.1",
        "reporter": "client",
        "source_namespace": "shop",
        "source_workload": "checkout",
        "destination_namespace": "payments",
        "destination_workload": "ledger",
        "traffic_direction": "egress",
    }
    yield Row("hubble_http_requests_total", {**labels, "status": "200"}, 3.0)
    yield Row("hubble_http_requests_total", {**labels, "status": "403"}, 0.002, 1.0, "egress")


def _hubble_1_12(node: Node) -> Iterator[Row]:
    """Without options that name a namespace or a pod, and with the reasons as text."""
    flows, drops = "hubble_flows_processed_total", "hubble_drop_total"
    traced = {"protocol": "TCP", "type": "Trace", "subtype": "to-endpoint", "verdict": "FORWARDED"}
    yield Row(flows, traced, 60 * node.share)
    dropped = {"protocol": "TCP", "type": "Drop", "subtype": "", "verdict": "DROPPED"}
    yield Row(flows, dropped, 0.03, _here(node, 7.0), "egress")
    yield Row(drops, {"protocol": "TCP", "reason": "Policy denied"}, 0.03, _here(node, 7.0), "egress")
    yield Row(drops, {"protocol": "ICMPv6", "reason": "Unsupported L3 protocol"}, 0.03)
    for kind in ("A", "AAAA"):
        labels = {"qtypes": kind, "ips_returned": "0", "rcode": ""}
        yield Row("hubble_dns_queries_total", labels, 1.2 * node.share, _here(node, 12.0), "dns")
    labels = {"qtypes": "TXT", "ips_returned": "0", "rcode": ""}
    yield Row("hubble_dns_queries_total", labels, 0, _here(node, 150.0), "dns")
    for rcode, calm, attack in (
        ("No Error", 1.2, 0.0),
        ("Non-Existent Domain", 0.6, 14.0),
        ("Policy denied", 0.0, 1.5),
    ):
        labels = {"qtypes": "A", "ips_returned": "0", "rcode": rcode}
        yield Row("hubble_dns_responses_total", labels, calm * node.share, _here(node, attack), "dns")
    for verdict, calm, attack in (("FORWARDED", 1.2, 9.0), ("DROPPED", 0.001, 6.0)):
        labels = {"protocol": "TCP", "verdict": verdict}
        yield Row("hubble_flows_to_world_total", labels, calm * node.share, _here(node, attack), "egress")
    yield Row("hubble_http_responses_total", {"method": "GET", "status": "200"}, 3.0 * node.share)
