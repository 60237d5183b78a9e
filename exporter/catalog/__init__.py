"""Every metric, label, closed value and limit: the single place where a name is spelt.

The rest of the program, the rules and the boards read names from here. Standard library only, so that anything may
import it.
"""

from exporter.catalog import kpi, watch
from exporter.catalog.model import MAX_NODE_SERIES as MAX_NODE_SERIES
from exporter.catalog.model import Findings as Findings
from exporter.catalog.model import Label as Label
from exporter.catalog.model import Metric as Metric

MAX_LABEL_BYTES = 256
"""A label value longer than this in UTF-8 is cut (Kubernetes names end at 253, Falco's rule names near 70)."""

OTHER = "other"
"""What an open label is called in a series that stands for many."""

# Closed label values -----------------------------------------------------------------------------------------

PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug", "unknown")
"""Falco's priorities, most severe first, and `unknown` for what is none of them."""

SEVERITY_OF_PRIORITY = {
    "emergency": "critical",
    "alert": "critical",
    "critical": "critical",
    "error": "warning",
    "warning": "warning",
    "notice": "info",
    "informational": "info",
    "debug": "info",
    "unknown": "info",
}

TACTICS = (
    "reconnaissance",
    "resource_development",
    "initial_access",
    "execution",
    "persistence",
    "privilege_escalation",
    "defense_evasion",
    "credential_access",
    "discovery",
    "lateral_movement",
    "collection",
    "command_and_control",
    "exfiltration",
    "impact",
)
"""MITRE ATT&CK (Enterprise) tactics in the order of the attack chain; an alert without one has an empty label."""

WAF_ENGINES = ("modsecurity", "coraza")
"""What wrote a WAF's audit record."""

WAF_MODES = ("blocking", "detection_only", "off", "unknown")
"""What a WAF does with an attack, as its record says of the engine; `unknown` where the record does not."""

WAF_CLASSES = (
    "method",
    "dos",
    "scanner",
    "protocol",
    "multipart",
    "lfi",
    "rfi",
    "rce",
    "php",
    "generic",
    "xss",
    "sqli",
    "session_fixation",
    "java",
    "leak",
    "web_shell",
    "custom",
    "unknown",
)
"""What a WAF's rule is about, by its number in the OWASP Core Rule Set; `custom` for rules that are not of the set, and
`unknown` where the record names no rule that found anything."""

WAF_VERDICTS = ("blocked", "detected")
"""What became of a request in which a WAF found something: stopped, or let through."""

FALCO_SOURCES = ("syscall", "k8s_audit", "aws_cloudtrail", "gcp_auditlog", "okta", "github", OTHER)
"""Falco event sources that keep their name past the series limit; any other plugin's source is `other` there."""

CONTROLS = ("ids", "network", "waf")
"""The controls whose events are watched: Falco, Cilium, the web application firewall."""


FINDINGS = {
    "ids": Findings("threat_falco_alerts_total", "threat_falco_suppressed_total", "rule", "priority", "Falco"),
    "waf": Findings("threat_waf_events_total", "threat_waf_suppressed_total", "rule_id", "severity", "the WAF"),
}
"""The controls whose events are sent to the receiver; Cilium is watched by its own metrics, which Prometheus reads."""

PUSHED = tuple(FINDINGS)

COMPONENTS = {
    "ids": ("ids", "falco"),
    "network": ("network", "cilium"),
    "hubble": ("network", "hubble"),
    "waf": ("waf", "waf"),
}
"""Setting `controls.<key>` -> the labels (control, component) of `threat_control_expected`."""

UNATTRIBUTED = "unknown"
"""The `control` of a request that was refused before it was known whose event it carried."""

REJECT_REASONS = {
    "bad_encoding": "the body is not what its Content-Encoding says",
    "bad_fields": "output_fields that cannot be read; the alert was counted without them",
    "empty": "the body is empty",
    "evicted": "a connection was closed because its place was needed for a new one",
    "forbidden": "a page with events was asked for from elsewhere than this machine, and without a token",
    "head_too_large": "the request's head is too large, or its trailers",
    "internal": "a fault in threatboard; its log says more",
    "malformed_http": "not an HTTP request",
    "method": "a method other than POST",
    "no_rule": "an alert without a rule name",
    "not_an_alert": "JSON that is no event: no Falco alert at /falco, no audit record of a WAF at /waf",
    "not_found": "a path that takes no events",
    "not_json": "not JSON (Falco: json_output: true; WAF: SecAuditLogFormat JSON)",
    "timeout": "the head or the body came too slowly",
    "tls_bad_certificate": "a client certificate that intake.tls.client_ca_file does not vouch for",
    "tls_failed": "a TLS handshake that failed for another reason; the log says which",
    "tls_no_certificate": "no client certificate, where intake.tls.client_ca_file wants one",
    "tls_no_request": "a client that left after the TLS handshake; it may refuse the certificate's name or CA",
    "tls_plain_http": "plain HTTP, or something else that is not TLS, sent to a port with TLS",
    "tls_untrusted": "a client that does not trust the listener's certificate",
    "too_deep": "JSON nested too deeply",
    "too_large": "the body is too large",
    "too_many_connections": "more connections than there are places or open files for, and none that could be closed",
    "too_many_events": "more events in one body than intake.max_events",
    "too_many_pages": "more pages under way than are sent at the same time",
    "truncated": "the connection ended in the middle of a body",
    "unauthorized": "bad or no credentials",
    "unknown_encoding": "a Content-Encoding other than gzip",
    "unread_answer": "a client did not read its answer",
}
"""Reason an event or a request was rejected -> the same in words, for people."""

# Limits that are not settings --------------------------------------------------------------------------------

MAX_HEAD_BYTES = 32 * 1024
"""Largest request head (request line and headers) that a listener reads."""

MAX_DEPTH = 64
"""Deepest nesting of JSON arrays and objects in one event."""

SHARE_DIVISOR = 10
"""No group of series (see `Metric.share`) takes more than one part in this many of `series.limit`."""

MAX_CLIENT_SERIES = 5_000
"""Most series of the metric that counts by client network: whoever has many addresses decides over their number."""

CLOCK_TOLERANCE = 1.0
"""An event this many seconds in the future is still ordinary jitter between two nodes' clocks."""

DELAY_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

# Labels and metrics ------------------------------------------------------------------------------------------


LABELS = {
    "alertname": Label("name of the alert"),
    "class": Label("what the WAF's rule is about", (*WAF_CLASSES, OTHER)),
    "client_network": Label("network of the client, as the WAF saw it: /24 of IPv4, /48 of IPv6"),
    "component": Label("the part of a control", tuple(component for _, component in COMPONENTS.values())),
    "control": Label(
        "the security control that spoke; of an alert also those that it is about", (*CONTROLS, UNATTRIBUTED)
    ),
    "direction": Label("of the traffic, as the pod sees it", ("ingress", "egress")),
    "engine": Label("what wrote the WAF's record", (*WAF_ENGINES, OTHER)),
    "family": Label("the metric whose series are meant"),
    "from": Label("what people said before", kpi.JUDGEMENTS),
    "host": Label("key of waf.hosts that the request's Host fits; `other` for all others"),
    "hostname": Label("the node, as the sender named itself, in lower case"),
    "k8s_ns_name": Label("namespace of the workload that the event is about"),
    "k8s_pod_name": Label("pod that the event is about"),
    "k8s_svc_name": Label("Service that a host leads to"),
    "kpi": Label("figure that has a target", kpi.KPIS),
    "mode": Label("what the WAF does with attacks", (*WAF_MODES, OTHER)),
    "poller": Label("what `threatboard watch` reads", watch.POLLERS),
    "priority": Label("Falco's priority, in lower case", PRIORITIES),
    "reason": Label("why, for rejections one of a closed set"),
    "resource": Label("kind of object in the cluster, as `kubectl get` calls it"),
    "rule": Label("name of the Falco rule"),
    "rule_id": Label("number of the WAF's rule that found it; empty where the record names none"),
    "severity": Label(
        "severity of the WAF's rule, in lower case, `unknown` where it has none; or that of an alert", PRIORITIES
    ),
    "source": Label("Falco's event source"),
    "state": Label("how something stands; which values there are depends on the metric"),
    "tactic": Label("MITRE ATT&CK tactic, the earliest on the attack chain", (*TACTICS, OTHER)),
    "to": Label("what they say now", kpi.JUDGEMENTS),
    "verdict": Label("what became of the request; of an alert what people said that it was", (*WAF_VERDICTS, OTHER)),
    "version": Label("threatboard's version"),
    "workload": Label("Deployment, StatefulSet, DaemonSet, Job or CronJob of the pod"),
}


_METRICS = (
    Metric(
        "threat_falco_alerts_total",
        "counter",
        "Falco alerts accepted and not suppressed.",
        ("rule", "priority", "source", "tactic", "hostname", "k8s_ns_name", "k8s_pod_name", "workload"),
        appears='from the first alert of a label set; the overflow series (rule="other") always',
        stored=True,
        zero_first=True,
        overflow={"priority": PRIORITIES, "source": FALCO_SOURCES},
        share=("rule", "k8s_ns_name"),
    ),
    Metric(
        "threat_falco_suppressed_total",
        "counter",
        "Falco alerts that a tuning entry suppressed, with the entry's reason.",
        ("rule", "reason"),
        appears='from the first suppressed alert of a rule; the overflow series (rule="other") always',
        stored=True,
        zero_first=True,
        overflow={},
    ),
    Metric(
        "threat_falco_syscall_drops_total",
        "counter",
        "Events that Falco lost, by its newest metrics snapshot; replicas agree: take max by (hostname, source).",
        ("hostname", "source"),
        appears="from the first metrics snapshot of a node that says it",
        stored=True,
        at_most=MAX_NODE_SERIES,
    ),
    Metric(
        "threat_falco_syscall_events_total",
        "counter",
        "Events that Falco saw, by its newest metrics snapshot; replicas agree: take max by (hostname, source).",
        ("hostname", "source"),
        appears="from the first metrics snapshot of a node that says it",
        stored=True,
        at_most=MAX_NODE_SERIES,
    ),
    Metric(
        "threat_falco_drop_messages_total",
        "counter",
        "Falco's own messages that it is dropping system call events.",
        ("hostname",),
        appears='from the first such message of a node; the overflow series (hostname="other") always',
        stored=True,
        at_most=MAX_NODE_SERIES,
        zero_first=True,
        overflow={},
    ),
    Metric(
        "threat_falco_snapshot_timestamp_seconds",
        "gauge",
        "When Falco's newest metrics snapshot was received, as a Unix time; only that of syscall comes regularly.",
        ("hostname", "source"),
        appears="from the first metrics snapshot of a node and an event source",
        stored=True,
        at_most=MAX_NODE_SERIES,
    ),
    Metric(
        "threat_waf_events_total",
        "counter",
        "Requests in which the WAF found something, suppressed ones left out: one for each audit record.",
        ("engine", "class", "rule_id", "severity", "verdict", "host", "k8s_ns_name", "workload"),
        appears=(
            'from the first event of a label set; the overflow series (rule_id="other"), and for each key of waf.hosts'
            " one of each verdict with engine, class, rule_id and severity empty, always"
        ),
        stored=True,
        zero_first=True,
        overflow={"severity": PRIORITIES, "verdict": WAF_VERDICTS},
        share=("rule_id", "k8s_ns_name"),
    ),
    Metric(
        "threat_waf_suppressed_total",
        "counter",
        "WAF events that a tuning entry suppressed, with the entry's reason.",
        ("rule_id", "reason"),
        appears='from the first suppressed event of a rule; the overflow series (rule_id="other") always',
        stored=True,
        zero_first=True,
        overflow={},
    ),
    Metric(
        "threat_waf_records_total",
        "counter",
        "Audit records by what the WAF does with attacks, also of requests in which it found nothing.",
        ("engine", "mode"),
        appears="from the first record of an engine in a mode; the overflow series (`other`) always",
        stored=True,
        zero_first=True,
        overflow={},
    ),
    Metric(
        "threat_waf_inferred_verdicts_total",
        "counter",
        "WAF events whose record does not say what became of the request, so that the verdict was inferred.",
        ("engine", "verdict"),
        appears="from the first such record; the overflow series (`other`) always",
        stored=True,
        zero_first=True,
        overflow={"verdict": WAF_VERDICTS},
    ),
    Metric(
        "threat_waf_client_events_total",
        "counter",
        "WAF events by the client's network and what it attacked; only with waf.client_networks.",
        ("client_network", "verdict", "k8s_ns_name", "workload"),
        appears='with waf.client_networks, from the first event; the overflow series (client_network="other") always',
        stored=True,
        zero_first=True,
        at_most=MAX_CLIENT_SERIES,
        overflow={"verdict": WAF_VERDICTS},
    ),
    Metric(
        "threat_last_event_timestamp_seconds",
        "gauge",
        "When the newest event was received, as a Unix time.",
        ("control", "hostname"),
        appears="from the first event of a node",
        stored=True,
        at_most=MAX_NODE_SERIES,
    ),
    Metric(
        "threat_event_delay_seconds",
        "histogram",
        "Time from an event to its receipt.",
        ("control",),
        closed={"control": CONTROLS},
        buckets=DELAY_BUCKETS,
    ),
    Metric(
        "threat_clock_skew_events_total",
        "counter",
        "Events whose time was in the future; their delay counts as zero.",
        ("control",),
        closed={"control": CONTROLS},
    ),
    Metric(
        "threat_events_accepted_total",
        "counter",
        "Events accepted, suppressed ones and Falco's own messages included.",
        ("control",),
        closed={"control": CONTROLS},
    ),
    Metric(
        "threat_events_rejected_total",
        "counter",
        "Events and requests rejected, by reason.",
        ("control", "reason"),
        closed={"reason": tuple(REJECT_REASONS)},
    ),
    Metric(
        "threat_event_lines_dropped_total",
        "counter",
        "Event lines that were not written because standard output was stuck.",
    ),
    Metric(
        "threat_control_expected",
        "gauge",
        "1 where the configuration expects this control in the cluster.",
        ("control", "component"),
        closed={"control": CONTROLS},
    ),
    Metric(
        "threat_state_healthy",
        "gauge",
        "0 while counts that should outlive a restart (series.state_dir) are kept in memory only.",
    ),
    Metric(
        "threat_waf_blocking_expected",
        "gauge",
        "1 where the configuration expects the WAF to block attacks (waf.blocking).",
    ),
    Metric(
        "threat_waf_clients_counted",
        "gauge",
        "1 where WAF events are counted by the client's network, too (waf.client_networks).",
    ),
    Metric("threat_series", "gauge", "Series held now.", ("family",)),
    Metric("threat_series_limit", "gauge", "Largest number of series held.", ("family",)),
    Metric("threat_series_bytes", "gauge", "Bytes that text and keys of all series take."),
    Metric("threat_series_bytes_limit", "gauge", "Bytes that text and keys of all series may take."),
    Metric(
        "threat_series_overflow_total",
        "counter",
        "Events whose new label set found no place and were counted in an overflow series, or for gauges left out.",
        ("family",),
    ),
    Metric(
        "threat_series_expired_total", "counter", "Series that left the page after series.idle_expiry.", ("family",)
    ),
    Metric("threat_scrapers", "gauge", "Scrapers that come again and again, as this replica knows them."),
    Metric(
        "threat_config_reload_success",
        "gauge",
        "1 if the configuration file was last read without a fault.",
        roles=("receive", "watch"),
    ),
    Metric(
        "threat_config_reload_timestamp_seconds",
        "gauge",
        "When a configuration was last taken into use, as a Unix time.",
        roles=("receive", "watch"),
    ),
    Metric("threat_build_info", "gauge", "Always 1; the version is a label.", ("version",)),
)

METRICS = {metric.name: metric for metric in (*_METRICS, *watch.METRICS, *kpi.METRICS)}
"""Every metric that the exporter shows under the prefix `threat_`, by name."""

TARGET_LABELS = ("cluster", "container", "endpoint", "instance", "job", "namespace", "node", "pod", "service")
"""Labels that a scrape configuration gives to every series of a target; no metric of ours has one of these."""
