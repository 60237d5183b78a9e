"""What `threatboard watch` shows, and the drill: metrics, closed values, and the faults that it can find."""

from typing import NamedTuple

from exporter.catalog.model import MAX_NODE_SERIES, Metric

AGENTS = {"falco": "ids", "cilium": "network"}
"""Key of `cluster.agents` -> the control whose agent has those labels."""

NODE_STATES = ("ready", "missing", "tainted", "unselected", "windows", "virtual")
"""How a node stands to an agent: it runs there; it should; a taint or the DaemonSet's node selector keeps it away; or
such a node can have none."""

POD_STATES = ("enforced", "open", "host_network")
"""How a pod stands to network policy in a direction: a policy selects it, none does, or none can."""

RESOURCE_STATES = ("synced", "absent", "forbidden", "failing")
"""What became of watching a resource: the cluster has no such resource, or the account may not read it, or it cannot be
read for another reason."""

POLLERS = ("coverage", "alertmanager")


class Fault(NamedTuple):
    """A fault in a configuration: whose, and the sentence that mends it."""

    control: str
    component: str
    mend: str


FAULTS = {
    "falco_not_found": Fault(
        "ids", "falco", "No DaemonSet has the labels of cluster.agents.falco: install Falco, or set its labels there."
    ),
    "cilium_not_found": Fault(
        "network",
        "cilium",
        "No DaemonSet has the labels of cluster.agents.cilium: install Cilium, or set its labels there.",
    ),
    "http_output_off": Fault("ids", "falco", "Falco sends its alerts nowhere: set http_output.enabled: true."),
    "http_output_elsewhere": Fault(
        "ids", "falco", "Falco sends its alerts elsewhere: set http_output.url to the receiver's Service, path /falco."
    ),
    "json_output_off": Fault("ids", "falco", "Falco writes text, which is refused: set json_output: true."),
    "output_fields_off": Fault(
        "ids",
        "falco",
        "Alerts come without namespace and pod: set json_include_output_fields_property: true.",
    ),
    "tags_off": Fault("ids", "falco", "Alerts come without their tactic: set json_include_tags_property: true."),
    "metrics_snapshots_off": Fault(
        "ids",
        "falco",
        "Falco has no heartbeat, so its silence is not noticed: set metrics.enabled and metrics.output_rule: true.",
    ),
    "hostname_not_node": Fault(
        "ids",
        "falco",
        "Falco's hostname is its pod's: give the container FALCO_HOSTNAME from the field spec.nodeName.",
    ),
    "falco_revisions_differ": Fault(
        "ids", "falco", "Falco's pods are of several revisions, so nodes detect differently: finish the roll-out."
    ),
    "metrics_off": Fault(
        "network", "cilium", "Cilium's agent shows no metrics: set prometheus.enabled: true in its chart."
    ),
    "policy_audit_mode": Fault(
        "network", "cilium", "Cilium denies nothing, it only notes what it would: set policyAuditMode: false."
    ),
    "enforcement_never": Fault(
        "network", "cilium", "Cilium enforces no policy at all: set policyEnforcementMode: default."
    ),
    "hubble_off": Fault("network", "hubble", "Hubble is off, so denials name no workload: set hubble.enabled: true."),
    "hubble_metrics_missing": Fault(
        "network", "hubble", "Hubble counts no drops, policy verdicts or DNS: add them to hubble.metrics.enabled."
    ),
    "hubble_labels_missing": Fault(
        "network",
        "hubble",
        "Hubble's drops name no workload: add labelsContext=source_namespace,source_workload,destination_namespace,"
        "destination_workload,traffic_direction to drop.",
    ),
    "waf_hosts_missing": Fault(
        "waf",
        "waf",
        "Hosts of the cluster's Ingresses and HTTPRoutes are not in waf.hosts, so that attacks on them name no "
        "workload: the status page of threatboard watch prints the entries.",
    ),
    "rules_not_selected": Fault(
        "platform",
        "prometheus",
        "No Prometheus selects threatboard's PrometheusRule, so no alert can fire: give it the labels of ruleSelector.",
    ),
    "monitor_not_selected": Fault(
        "platform",
        "prometheus",
        "No Prometheus selects threatboard's ServiceMonitor: give it the labels of serviceMonitorSelector.",
    ),
    "route_not_selected": Fault(
        "platform",
        "alertmanager",
        "No Alertmanager selects threatboard's AlertmanagerConfig, so no message is sent: give it the labels of "
        "alertmanagerConfigSelector.",
    ),
    "route_missing": Fault(
        "platform",
        "alertmanager",
        "The routes of the AlertmanagerConfigs that Alertmanager selects lead threatboard's alerts to no receiver: "
        "see alertmanagerConfig in the chart's values.",
    ),
}
"""Reason of `threat_configuration_fault` -> the fault."""

DRILL_CONTROLS = ("ids", "network", "waf")

DRILL = "drill"
"""The reason for which an event is suppressed that is a drill; no tuning entry may have it."""

DRILL_BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

POLL_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

METRICS = (
    Metric(
        "threat_drill_last_success_timestamp_seconds",
        "gauge",
        "When the newest drill was counted, as a Unix time: the act was seen by the control and reached the receiver.",
        ("control", "hostname"),
        appears="from the first drill of a control that a node or a WAF tells",
        stored=True,
        at_most=MAX_NODE_SERIES,
        stays=8 * 86400.0,  # drills may be done once a week
        closed={"control": ("ids", "waf")},
    ),
    Metric(
        "threat_drill_seconds",
        "histogram",
        "Time from the act of a drill to the counter.",
        ("control",),
        closed={"control": ("ids", "waf")},
        buckets=DRILL_BUCKETS,
    ),
    Metric(
        "threat_drill_last_run_timestamp_seconds",
        "gauge",
        "When a drill's newest act was done, as a Unix time, as its pod reported it.",
        ("control", "hostname"),
        appears="from the first finished drill whose pod is still there",
        closed={"control": DRILL_CONTROLS},
        roles=("watch",),
    ),
    Metric(
        "threat_drill_stopped",
        "gauge",
        "1 if the newest act was stopped as its pod saw it (network: connection denied; waf: request refused), else 0.",
        ("control", "hostname"),
        appears="from the first finished drill whose pod is still there",
        closed={"control": ("network", "waf")},
        roles=("watch",),
    ),
    Metric("threat_watch_info", "gauge", "Always 1; the version is a label.", ("version",), roles=("watch",)),
    Metric(
        "threat_watch_resource",
        "gauge",
        "1 for what became of watching a kind of object, 0 for what did not.",
        ("resource", "state"),
        closed={"state": RESOURCE_STATES},
        roles=("watch",),
    ),
    Metric(
        "threat_coverage_node",
        "gauge",
        "1 where a control's agent is ready on a node that should run it, 0 where it is not.",
        ("control", "hostname"),
        appears="while the nodes, DaemonSets and pods can be read and an agent's DaemonSet is found",
        closed={"control": tuple(AGENTS.values())},
        roles=("watch",),
    ),
    Metric(
        "threat_coverage_nodes",
        "gauge",
        "Nodes by how they stand to a control's agent.",
        ("control", "state"),
        appears="while the nodes, DaemonSets and pods can be read and an agent's DaemonSet is found",
        closed={"control": tuple(AGENTS.values()), "state": NODE_STATES},
        roles=("watch",),
    ),
    Metric(
        "threat_coverage_pods",
        "gauge",
        "Pods of a namespace, finished ones left out, by how they stand to network policy in a direction.",
        ("k8s_ns_name", "direction", "state"),
        appears="for each namespace, while namespaces, pods and every kind of policy that the cluster has can be read",
        closed={"direction": ("ingress", "egress"), "state": POD_STATES},
        roles=("watch",),
    ),
    Metric(
        "threat_ingress_host_info",
        "gauge",
        "Always 1; a host of an Ingress or HTTPRoute, the Service that serves it, and the workload behind it.",
        ("host", "k8s_ns_name", "k8s_svc_name", "workload"),
        appears="for each host, while Ingresses, Services and pods can be read",
        roles=("watch",),
    ),
    Metric(
        "threat_configuration_fault",
        "gauge",
        "1 where a configuration has this fault, 0 where it was read and has not.",
        ("control", "component", "reason"),
        appears="for each fault that could be looked for",
        closed={
            "control": tuple(dict.fromkeys(fault.control for fault in FAULTS.values())),
            "component": tuple(dict.fromkeys(fault.component for fault in FAULTS.values())),
            "reason": tuple(FAULTS),
        },
        roles=("watch",),
    ),
    Metric(
        "threat_poll_success",
        "gauge",
        "1 if what is polled could be read whole; resources that the cluster lacks do not count.",
        ("poller",),
        closed={"poller": POLLERS},
        roles=("watch",),
    ),
    Metric(
        "threat_poll_last_success_timestamp_seconds",
        "gauge",
        "When what is polled was last known whole, as a Unix time.",
        ("poller",),
        closed={"poller": POLLERS},
        appears="from the first success",
        roles=("watch",),
    ),
    Metric(
        "threat_poll_failures_total",
        "counter",
        "Requests of a poller that failed.",
        ("poller",),
        closed={"poller": POLLERS},
        roles=("watch",),
    ),
    Metric(
        "threat_poll_duration_seconds",
        "histogram",
        "Time that a poller took to make its snapshot.",
        ("poller",),
        closed={"poller": POLLERS},
        buckets=POLL_BUCKETS,
        roles=("watch",),
    ),
)
