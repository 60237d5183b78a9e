"""Cilium's datapath and proxy, and what Hubble sees: who was stopped, where, for which reason."""

from dashboards.queries import CLUSTER, NOTE, Query, or_quiet, over_nodes, select, state
from exporter.selectors import where

AGENT = {"instance": "=~$agent"}
POLICY = "=~POLICY_DEN.*|Policy denied.*"
"""Reasons of policy: as text in the agent and in Hubble up to 1.12, as an enumeration in Hubble since 1.13."""
SOURCE = {"source_namespace": "=~$namespace", "source_workload": "=~$workload"}
PROXY = "cilium_proxy_upstream_reply_seconds"
NAMELESS = "(no name)"
"""Where Hubble does not know the workload: outside pods, without labelsContext, and up to 1.12."""

SCOPE = "=~processingTime|upstreamTime"


def _who(expr: str) -> str:
    """With namespace and workload as one label, of which either can be missing."""
    joined = f'label_join({expr}, "who", "/", "source_namespace", "source_workload")'
    for unknown, shown in (("/", NAMELESS), ("/(.+)", "$1"), ("(.+)/", "$1")):
        joined = f'label_replace({joined}, "who", "{shown}", "who", "{unknown}")'
    return joined


def is_on() -> Query:
    """Whether Cilium agents are scraped."""
    return Query(state(select("cilium_version"), "cilium"))


def hubble_is_on() -> Query:
    """Whether Hubble's metrics are scraped."""
    return Query(state(select("hubble_flows_processed_total"), "hubble"))


def nameless_denials() -> str:
    """How many denials there are at each step where Hubble names nobody; nothing while one namespace is chosen."""
    denied = select("hubble_drop_total", reason=POLICY, source_namespace="=~$namespace")
    each = f"sum(rate({denied}[$__rate_interval])) * $__interval_ms / 1000"
    return f"({each} unless on() count({select('hubble_drop_total', source_namespace='!=')}))"


def hubble_names_namespaces() -> Query:
    """Whether Hubble's metrics have the labels that tell who: 1 yes, 0 no although Hubble is on, 2 it cannot yet."""
    named = " or ".join(
        select(f"hubble_{what}_total", source_namespace="!=") for what in ("drop", "flows_to_world", "dns_queries")
    )
    speaks = f"count({select('hubble_flows_processed_total')})"
    old = f"2 * (count({select('cilium_version', version='=~v?1[.]([0-9]|1[0-2])[.].*')}) > bool 0)"
    return Query(f"(count({named}) > bool 0) or on() ({old} and on() {speaks}) or on() 0 * {speaks}")


def dns_is_visible() -> Query:
    """Whether any DNS passes the proxy, so that names are seen: 1 yes, 0 no although Hubble is on."""
    asked = select("hubble_dns_queries_total")
    return Query(f"(count({asked}) > bool 0) or on() 0 * count({select('hubble_flows_processed_total')})")


def lost_events() -> Query:
    """Events a second that Hubble lost, so that its numbers are too low; -1 where it does not count them."""
    # The ring buffer that `hubble observe` reads overwrites its oldest events by design; metrics are made before it.
    lost = f"sum(rate({select('hubble_lost_events_total', source='!=hubble_ring_buffer')}[$__rate_interval]))"
    return Query(f"{lost} or on() 0 * count({select('hubble_flows_processed_total')}) - 1", "lost")


def agents() -> Query:
    """Cilium agents that Prometheus sees."""
    expected = where("threat_control_expected", cluster=CLUSTER, component="cilium")
    return Query(f"count({select('cilium_version', **AGENT)}) or on() 0 * max({expected})")


def dropped(what: str, direction: str) -> Query:
    """Packets ("count") or bits ("bytes") a second that the datapath dropped, by reason."""
    rate = f"rate({select(f'cilium_drop_{what}_total', direction=direction, **AGENT)}[$__rate_interval])"
    most = f"topk(12, sum by (reason) ({rate}))"
    # Whole bits: Grafana would write a part of one as "mb/s", which reads as megabit.
    return Query(f"ceil(8 * {most})" if what == "bytes" else most, "{{reason}}")


def dropped_elsewhere() -> Query:
    """Packets a second that were dropped in neither direction: for a service, or not yet known whither."""
    rate = f"rate({select('cilium_drop_count_total', direction='!~INGRESS|EGRESS', **AGENT)}[$__rate_interval])"
    return Query(f"sum by (direction, reason) ({rate})", "{{direction}}: {{reason}}")


def denied_share() -> Query:
    """Share of the dropped packets that policy dropped."""
    rates = [
        f"sum(rate({select('cilium_drop_count_total', **extra, **AGENT)}[$__rate_interval]))"
        for extra in ({"reason": "=~Policy denied.*"}, {})
    ]
    return Query(f"{rates[0]} / ({rates[1]} > 0)", "share of policy")


def _packets(what: str, direction: str) -> str:
    return f"sum(rate({select(f'cilium_{what}_count_total', direction=direction, **AGENT)}[$__rate_interval]))"


def forwarded() -> tuple[Query, ...]:
    """Packets a second that the datapath forwarded and dropped, by direction."""
    names = {"forwarded": "forward", "dropped": "drop"}
    return tuple(
        Query(_packets(names[what], direction.upper()), f"{what} {direction}")
        for what in names
        for direction in ("egress", "ingress")
    )


def dropped_share() -> tuple[Query, ...]:
    """Share of the packets that was dropped, by direction."""
    found = []
    for direction in ("EGRESS", "INGRESS"):
        dropped, passed = _packets("drop", direction), _packets("forward", direction)
        found.append(Query(f"{dropped} / ({dropped} + {passed} > 0)", f"dropped {direction.lower()}"))
    return tuple(found)


def l7(rule: str, legend: str, factor: str = "") -> Query:
    """Messages a second that the proxies forwarded or denied; a request and its answer are two."""
    counted = f"rate({select('cilium_policy_l7_total', rule=rule, **AGENT)}[$__rate_interval])"
    return Query(f"sum({counted}){factor}", legend)


def _per(labels: str, part: str) -> str:
    rate = f"rate({select(f'{PROXY}_{part}', scope=SCOPE, **AGENT)}[$__rate_interval])"
    return f"sum by ({labels}) ({rate})"


def _named(expr: str) -> str:
    """With the name of the scope as a label of its own: to overwrite one could make two series alike."""
    return f'label_replace({expr}, "step", "$1", "scope", "(.+)Time")'


def parse_errors() -> Query:
    """Messages a second that the proxies could not parse."""
    counted = select("cilium_policy_l7_total", rule="parse_errors", **AGENT)
    return Query(f"sum(increase({counted}[5m])) / 300", "parse errors")


def proxy_average() -> Query:
    """Mean time of the DNS proxy: its own, and that of the server behind it."""
    return Query(_named(f"{_per('scope', 'sum')} / ({_per('scope', 'count')} > 0)"), "{{step}}")


def proxy_maximum() -> Query:
    """The mean of the slowest node."""
    of_node = "cluster, instance, scope"
    return Query(
        _named(f"max by (scope) ({_per(of_node, 'sum')} / ({_per(of_node, 'count')} > 0))"), "{{step}}, slowest node"
    )


def proxy_slow() -> Query:
    """What one in a hundred answers takes longer than."""
    return Query(_named(f"histogram_quantile(0.99, {_per('scope, le', 'bucket')})"), "{{step}}, p99")


def policies() -> tuple[Query, ...]:
    """Rules in the agents' policy repositories, over nodes."""
    return over_nodes(f"max by (cluster, instance) ({select('cilium_policy', **AGENT)})")


def import_errors() -> Query:
    """Policies in 10 minutes that an agent could not import; by the newest name that an agent has."""
    new = select("instance:cilium_policy_change_failures:sum", **AGENT)
    old = select("cilium_policy_import_errors_total", **AGENT)
    each = " or ".join(f"sum by (cluster, instance) (increase({name}[10m]))" for name in (new, old))
    return Query(f"round(sum({each}))", "import errors")


# Who, by Hubble ----------------------------------------------------------------------------------------------


def denied_by_workload() -> Query:
    """Denials a second by the namespace and workload that tried."""
    rate = f"rate({select('hubble_drop_total', reason=POLICY, **SOURCE)}[$__rate_interval])"
    return Query(_who(f"topk(10, sum by (source_namespace, source_workload) ({rate}))"), "{{who}}")


def denials() -> Query:
    """Denials in the time range: who tried, whom, in which direction."""
    labels = "source_namespace, source_workload, destination_namespace, destination_workload, traffic_direction"
    counted = f"increase({select('hubble_drop_total', reason=POLICY, **SOURCE)}[$__range])"
    found = f"topk(20, sum by ({labels}) ({counted}) > 0)"
    found = f'label_replace({found}, "{NOTE}", "{NAMELESS}", "source_workload", "")'
    # A column of which all cells are empty is none.
    for target, unnamed in (("destination_namespace", "–"), ("destination_workload", "outside or unknown")):
        found = f'label_replace({found}, "{target}", "{unnamed}", "{target}", "")'
    return Query(or_quiet(found, select("hubble_flows_processed_total"), "No denials"))


def verdicts() -> Query:
    """Policy verdicts a second by direction, what matched, and what was done; Hubble 1.13 and newer."""
    given = select("hubble_policy_verdicts_total", action="!=forwarded", source_namespace="=~$namespace")
    rate = f"rate({given}[$__rate_interval])"
    return Query(f"sum by (direction, match, action) ({rate})", "{{direction}} {{action}}, match {{match}}")


def verdicts_before() -> Query:
    """What takes its place where there are no verdicts: dropped flows by protocol (Hubble up to 1.12)."""
    rate = f"rate({select('hubble_flows_processed_total', type='Drop')}[$__rate_interval])"
    verdicts = select("hubble_policy_verdicts_total")
    return Query(f"sum by (protocol) ({rate}) unless on() count({verdicts})", "dropped, {{protocol}}")


def dns_queries() -> Query:
    """DNS queries a second."""
    asked = select("hubble_dns_queries_total", **SOURCE)
    return Query(f"sum(rate({asked}[$__rate_interval]))", "queries")


def dns_denied() -> Query:
    """DNS queries a second that policy forbade; Hubble up to 1.12 counts them as responses."""
    asked = select("hubble_dns_queries_total", rcode="Policy denied", **SOURCE)
    answered = select("hubble_dns_responses_total", rcode="Policy denied")
    rates = " or ".join(f"sum(rate({one}[$__rate_interval]))" for one in (asked, answered))
    return Query(f"({rates}) or on() 0 * count({select('hubble_dns_queries_total')})", "denied")


def dns_nxdomain() -> Query:
    """Share of the DNS answers that say that the name does not exist."""
    answered = [
        f"sum(rate({select('hubble_dns_responses_total', **extra)}[$__rate_interval]))"
        for extra in (
            {"rcode": "Non-Existent Domain", "destination_namespace": "=~$namespace"},
            {"destination_namespace": "=~$namespace"},
        )
    ]
    return Query(f"{answered[0]} / ({answered[1]} > 0)", "NXDOMAIN share")


def dns_by_workload() -> Query:
    """DNS queries a second by namespace and workload."""
    rate = f"rate({select('hubble_dns_queries_total', **SOURCE)}[$__rate_interval])"
    return Query(_who(f"topk(10, sum by (source_namespace, source_workload) ({rate}))"), "{{who}}")


def to_world() -> Query:
    """Flows a second that leave the cluster, by who sends them."""
    rate = f"rate({select('hubble_flows_to_world_total', **SOURCE)}[$__rate_interval])"
    return Query(_who(f"topk(10, sum by (source_namespace, source_workload, verdict) ({rate}))"), "{{who}} {{verdict}}")
