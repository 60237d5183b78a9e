"""All that is known of one namespace, workload or pod, to be read on one time line."""

from dashboards.queries import RECORDED, Query, or_unloaded, select
from dashboards.queries.alerts import at_each_step, counted, of_severity
from dashboards.queries.events import SEVERITIES
from dashboards.queries.network import POLICY

PLACE = {"namespace": "=~$namespace", "workload": "=~$workload"}
VICTIM = {**PLACE, "pod": "=~$pod", "rule": "=~$rule"}
SOURCE = {"source_namespace": "=~$namespace", "source_workload": "=~$workload", "source_pod": "=~$pod"}
TARGET = {
    "destination_namespace": "=~$namespace",
    "destination_workload": "=~$workload",
    "destination_pod": "=~$pod",
}
WINDOW = "[$__rate_interval]"


def alerts() -> tuple[Query, ...]:
    """Falco's alerts at each step by severity; 0 while it is quiet."""
    return tuple(
        Query(at_each_step(f"0 * sum({RECORDED})", **VICTIM, priority=of_severity(severity)), severity)
        for severity in SEVERITIES
    )


def rules() -> Query:
    """Falco's alerts in the time range, by rule, priority and pod."""
    labels = "rule, priority, tactic, pod, hostname"
    return Query(or_unloaded(f"topk(20, {counted(labels, **VICTIM)})", "No alerts"))


def denied_out() -> Query:
    """Connections a second that policy denied it, by direction and reason."""
    rate = f"rate({select('hubble_drop_total', reason=POLICY, **SOURCE)}{WINDOW})"
    by_way = f"sum by (traffic_direction, reason) ({rate})"
    # Hubble up to 1.12 does not tell the direction.
    told = f'label_replace({by_way}, "traffic_direction", "either way", "traffic_direction", "")'
    return Query(told, "{{traffic_direction}}: {{reason}}")


def denied_in() -> Query:
    """Connections a second to it that policy denied others."""
    rate = f"rate({select('hubble_drop_total', reason=POLICY, source_pod='!~$pod', **TARGET)}{WINDOW})"
    return Query(
        f"sum by (source_namespace, source_workload) ({rate}) > 0", "denied to {{source_namespace}}/{{source_workload}}"
    )


def quiet_network() -> Query:
    """0 while Hubble speaks, so that no denials are a line and not a gap."""
    return Query(f"0 * count({select('hubble_flows_processed_total')})", "Hubble is on")


def dns(legend: str, **labels: str) -> Query:
    """DNS queries a second of some kind."""
    return Query(f"sum(rate({select('hubble_dns_queries_total', **labels, **SOURCE)}{WINDOW}))", legend)


def dns_denied() -> Query:
    """DNS queries a second that policy forbade; Hubble up to 1.12 counts them as responses, and without names."""
    asked = select("hubble_dns_queries_total", rcode="Policy denied", **SOURCE)
    answered = select("hubble_dns_responses_total", rcode="Policy denied", destination_namespace="=~$namespace")
    return Query(" or ".join(f"sum(rate({one}{WINDOW}))" for one in (asked, answered)), "denied")


def nxdomain() -> Query:
    """Answers a second to its namespace that a name does not exist."""
    answered = select("hubble_dns_responses_total", rcode="Non-Existent Domain", destination_namespace="=~$namespace")
    return Query(f"sum(rate({answered}{WINDOW}))", "NXDOMAIN, namespace")


def to_world() -> Query:
    """Flows a second that leave the cluster, by verdict."""
    rate = f"rate({select('hubble_flows_to_world_total', **SOURCE)}{WINDOW})"
    return Query(f"sum by (verdict) ({rate})", "{{verdict}}")


def _of_one(usual: str) -> str:
    """What is usual for the workload that is chosen; of many there is no common measure."""
    return f"sum({usual}) and on() count({usual}) == 1"


def cpu() -> Query:
    """Cores that the workload uses."""
    return Query(f"topk(5, {select('namespace_workload:cpu_usage:rate5m', **PLACE)})", "{{namespace}}/{{workload}}")


def cpu_usual() -> Query:
    """What the one workload used the day before, at most: the mean and three deviations."""
    mean, spread = (select(f"namespace_workload:cpu_usage:{what}", **PLACE) for what in ("avg1d", "stddev1d"))
    return Query(_of_one(f"{mean} + 3 * {spread}"), "usual at most")


def sent() -> Query:
    """Bytes a second that the workload sends."""
    recorded = select("namespace_workload:network_transmit_bytes:rate5m", **PLACE)
    return Query(f"topk(5, {recorded})", "{{namespace}}/{{workload}}")


def sent_usual() -> Query:
    """What the one workload sent the day before, at most."""
    mean, spread = (
        select(f"namespace_workload:network_transmit_bytes:{what}", **PLACE) for what in ("avg1d", "stddev1d")
    )
    return Query(_of_one(f"{mean} + 3 * {spread}"), "usual at most")


def received() -> Query:
    """Bytes a second that the pods receive, by cAdvisor; as with what is sent, not those on their node's network."""
    counted = select("container_network_receive_bytes_total", namespace="=~$namespace", pod="=~$pod")
    of_node = select("kube_pod_info", host_network="true")
    return Query(f"sum(rate({counted}{WINDOW}) unless on (cluster, namespace, pod) {of_node})", "received")


def controls() -> Query:
    """How many controls spoke of the workload within 3 minutes; 0 while all are quiet."""
    at_once = select("namespace_workload:threat_controls:count3m", **PLACE)
    return Query(f"max({at_once}) or on() 0 * sum({RECORDED})", "controls at once")


FIELDS = (
    *("namespace", "workload", "pod", "node", "rule", "priority", "user", "command_line", "file", "connection"),
    "output",
)
"""Keys of an event line that are read out of it."""


def events_in_loki() -> Query:
    """The event lines that the exporter writes, of this workload and rule.

    Keys are read under names of their own: a stream of the exporter's has its own namespace and pod.
    """
    read = ", ".join(f'event_{name}="{name}"' for name in FIELDS)
    chosen = " ".join(f'| event_{name}=~"${name}"' for name in ("namespace", "workload", "pod", "rule"))
    place = "{{if .event_namespace}}{{.event_namespace}}/{{.event_pod}}{{else}}node {{.event_node}}{{end}}"
    shown = f"{{{{.event_priority}}}}  {{{{.event_rule}}}}  {place}"
    for name in ("user", "command_line", "file", "connection"):
        shown += f"{{{{if .event_{name}}}}}  {name}={{{{.event_{name}}}}}{{{{end}}}}"
    # Snapshots are events without a rule.
    return Query(
        f'{{container="threatboard"}} |= `"control":` |= `"rule":` | json {read} {chosen} | line_format `{shown}`'
    )
