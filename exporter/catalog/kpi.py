"""What `threatboard watch` makes of Alertmanager's alerts and silences: how well the detection works."""

from exporter.catalog.model import Metric

SEVERITIES = ("critical", "warning", "info", "other")
"""The label `severity` of an alert, and what every other value of it is called."""

ALERT_CONTROLS = ("ids", "network", "waf", "host", "platform", "several", "other")
"""The label `control` of an alert, and what every other value of it is called."""

JUDGEMENTS = ("false_positive", "true_positive", "breach")
"""What people say that an alert was. A breach is a true positive in which the attacker got what he wanted."""

ACKNOWLEDGED = "acknowledged"

KPIS = ("acknowledge_seconds", "triage_seconds", "false_positive_ratio")

SECONDS = (60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Buckets: 300 and 600 are there, so that the share within five or ten minutes is exact."""

MAX_SERIES = 5_000
"""Most series of a metric that counts alerts by name or namespace; past it they are called `other`."""

_ALERT = ("alertname", "severity", "control", "k8s_ns_name")
_READ = "while `alertmanager.urls` is set"

METRICS = (
    Metric(
        "threat_alert_episodes_total",
        "counter",
        "Times that an alert began to fire: one for each continuous firing of one set of labels.",
        _ALERT,
        appears="from an alert's first episode, at 0 for its first two minutes",
        closed={"severity": SEVERITIES, "control": ALERT_CONTROLS},
        roles=("watch",),
    ),
    Metric(
        "threat_alerts_presilenced_total",
        "counter",
        "Those that a silence held already when they began, so that nobody was told.",
        _ALERT,
        appears="from an alert's first such episode, at 0 for its first two minutes",
        closed={"severity": SEVERITIES, "control": ALERT_CONTROLS},
        roles=("watch",),
    ),
    Metric(
        "threat_alerts_resolved_unacknowledged_total",
        "counter",
        "Episodes that ended before anybody acknowledged them; those that were silenced from the beginning left out.",
        ("severity",),
        appears=_READ,
        closed={"severity": SEVERITIES},
        roles=("watch",),
    ),
    Metric(
        "threat_acknowledge_seconds",
        "histogram",
        "Time from when people were told of an episode to the first silence that was made for it.",
        ("severity",),
        appears=_READ,
        closed={"severity": SEVERITIES},
        buckets=SECONDS,
        roles=("watch",),
    ),
    Metric(
        "threat_triage_seconds",
        "histogram",
        "Time from when people were told of an episode to its first verdict.",
        ("severity",),
        appears=_READ,
        closed={"severity": SEVERITIES},
        buckets=SECONDS,
        roles=("watch",),
    ),
    Metric(
        "threat_resolve_seconds",
        "histogram",
        "Time from the beginning of an episode to its end; an alert also ends when its Prometheus does.",
        ("severity",),
        appears=_READ,
        closed={"severity": SEVERITIES},
        buckets=SECONDS,
        roles=("watch",),
    ),
    Metric(
        "threat_verdicts_total",
        "counter",
        "Episodes by what people said of them first, or that they looked at them; `threat_verdict_changes_total` has "
        "what they said later.",
        ("alertname", "verdict"),
        appears="from an alert's first episode",
        closed={"verdict": (ACKNOWLEDGED, *JUDGEMENTS)},
        roles=("watch",),
    ),
    Metric(
        "threat_verdict_changes_total",
        "counter",
        "Verdicts that were changed to another.",
        ("alertname", "from", "to"),
        appears="from an alert's first episode",
        closed={"from": JUDGEMENTS, "to": JUDGEMENTS},
        roles=("watch",),
    ),
    Metric(
        "threat_unacknowledged_alerts",
        "gauge",
        "Alerts that fire now, of which people were told and nobody has said that he looks at them.",
        ("severity",),
        appears=_READ,
        closed={"severity": SEVERITIES},
        roles=("watch",),
    ),
    Metric(
        "threat_oldest_unacknowledged_seconds",
        "gauge",
        "How long ago people were told of the oldest of them; 0 where there is none.",
        ("severity",),
        appears=_READ,
        closed={"severity": SEVERITIES},
        roles=("watch",),
    ),
    Metric(
        "threat_kpi_target",
        "gauge",
        "The target of a figure, as `alertmanager.targets` has it: at most that many seconds, or that share.",
        ("kpi",),
        appears=_READ,
        closed={"kpi": KPIS},
        roles=("watch",),
    ),
)
