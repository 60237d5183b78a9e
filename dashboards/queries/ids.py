"""Falco: what it saw, where, along which chain; and whether it sees at all."""

from dashboards.queries import CLUSTER, Query, a_minute, or_quiet, per_minute, select, state, total
from dashboards.queries.events import ALIVE, SHARED
from exporter.catalog import TACTICS, where

PLACE = {"namespace": "=~$namespace", "workload": "=~$workload"}
ALERTS = select("namespace_workload_rule_hostname:threat_falco_alerts:increase5m", **PLACE, hostname="=~$node")
OVERFLOW = where("threat_falco_alerts_total", cluster=CLUSTER, rule="other")
NODE = {"cluster": CLUSTER, "hostname": "=~$node"}

_OF_SEVERITY = {
    "critical": "emergency|alert|critical",
    "warning": "error|warning",
    "info": "notice|informational|debug|unknown",
}


def _quiet(expr: str, label: str) -> Query:
    return Query(or_quiet(expr, ALIVE, label, "No alerts"))


def by_severity(severity: str) -> Query:
    """Alerts of a severity in the time range."""
    these = ALERTS.replace("}", f', priority=~"{_OF_SEVERITY[severity]}"}}')
    return Query(f"sum({total(these)}) or on() 0 * sum({ALIVE})", severity)


def over_time() -> Query:
    """Alerts a minute by priority; 0 where a priority is quiet."""
    return Query(f"sum by (priority) ({per_minute(ALERTS)}) or 0 * sum by (priority) ({OVERFLOW})", "{{priority}}")


def top_rules(number: int) -> Query:
    """The rules with most alerts in the time range."""
    return Query(or_quiet(f"topk({number}, sum by (rule) ({total(ALERTS)}))", ALIVE, "rule", "No alerts"), "{{rule}}")


def by_priority() -> Query:
    """Alerts in the time range by priority."""
    counted = f"sum by (priority) ({total(ALERTS)})"
    return Query(or_quiet(counted, ALIVE, "priority", "No alerts"), "{{priority}}")


def rules_with_meaning() -> Query:
    """The 20 rules with most alerts, with their priority and tactic."""
    return _quiet(f"topk(20, sum by (rule, priority, tactic) ({total(ALERTS)}))", "rule")


def by_node() -> Query:
    """The 20 nodes with most alerts."""
    return _quiet(f"topk(20, sum by (hostname) ({total(ALERTS)}))", "hostname")


def by_pod() -> Query:
    """The 20 pods with most alerts; alerts of a node itself belong to none."""
    recorded = select(SHARED, control="ids", **PLACE)
    return _quiet(f"topk(20, sum by (namespace, workload, pod) ({total(recorded)}))", "pod")


def by_workload() -> Query:
    """The 20 workloads with most alerts."""
    return _quiet(f"topk(20, sum by (namespace, workload) ({total(ALERTS)}))", "workload")


def along_the_chain() -> tuple[Query, ...]:
    """Alerts in the time range for each tactic, in the order of the attack chain."""
    return tuple(
        Query(
            "sum({}) or on() 0 * sum({})".format(total(ALERTS.replace("}", f', tactic="{tactic}"' + "}")), ALIVE),
            tactic.replace("_", " "),
        )
        for tactic in TACTICS
    )


def delays() -> Query:
    """Events by their delay."""
    buckets = where("threat_event_delay_seconds_bucket", cluster=CLUSTER, control="ids")
    return Query(f"sum by (le) (increase({buckets}[$__rate_interval]))", "{{le}}")


def delay(quantile: float) -> Query:
    """Delay that this share of the time range's events stayed below; -1 when there were none."""
    buckets = where("threat_event_delay_seconds_bucket", cluster=CLUSTER, control="ids")
    measured = f"histogram_quantile({quantile}, sum by (le) (increase({buckets}[$__range]))) >= 0"
    return Query(f"{measured} or on() 0 * sum({ALIVE}) - 1")


def suppressed() -> Query:
    """Alerts that a tuning entry suppressed, a minute, by rule and reason."""
    rate = a_minute(where("threat_falco_suppressed_total", cluster=CLUSTER))
    return Query(f"topk(10, sum by (rule, reason) ({rate}))", "{{rule}}: {{reason}}")


def suppressed_in_all() -> Query:
    """Alerts that a tuning entry suppressed in the time range."""
    return Query(f"sum(increase({where('threat_falco_suppressed_total', cluster=CLUSTER)}[$__range]))")


# Falco itself ------------------------------------------------------------------------------------------------


def is_on() -> Query:
    """1 where Falco was heard within 15 minutes, 0 where it is expected and was not, 2 where it is not expected."""
    own = select("falcosecurity_falco_version_info")
    snapshots = where("threat_falco_snapshot_timestamp_seconds", cluster=CLUSTER, source="syscall")
    events = where("threat_last_event_timestamp_seconds", cluster=CLUSTER, control="ids")
    return Query(state(f"time() - {snapshots} < 900 or time() - {events} < 900 or {own}", "falco"))


def nodes() -> Query:
    """Nodes whose Falco sent a metrics snapshot within 15 minutes."""
    age = f"time() - max by (hostname) ({where('threat_falco_snapshot_timestamp_seconds', **NODE, source='syscall')})"
    return Query(f"count({age} < 900) or on() 0 * sum({ALIVE})")


def last_event() -> Query:
    """Seconds since the newest event of a node."""
    return Query(f"time() - max by (hostname) ({where('threat_last_event_timestamp_seconds', **NODE, control='ids')})")


def last_snapshot() -> Query:
    """Seconds since the newest metrics snapshot of a node."""
    return Query(
        f"time() - max by (hostname) ({where('threat_falco_snapshot_timestamp_seconds', **NODE, source='syscall')})"
    )


def syscalls() -> Query:
    """System calls a second that Falco saw on a node."""
    seen = select("hostname:threat_falco_syscall_events:max", hostname="=~$node")
    return Query(f"sum by (hostname) (increase({seen}[15m])) / 900")


def lost() -> Query:
    """Share of the system calls that Falco lost on a node within 15 minutes."""
    drops, seen = (
        select(f"hostname:threat_falco_syscall_{what}:max", hostname="=~$node") for what in ("drops", "events")
    )
    return Query(
        f"sum by (hostname) (increase({drops}[15m])) / (sum by (hostname) (increase({seen}[15m])) > 0)", "{{hostname}}"
    )


def lost_by_falco() -> Query:
    """The same from Falco's own metrics, by its target."""
    drops, seen = (select(f"falcosecurity_scap_n_{what}_total") for what in ("drops", "evts"))
    return Query(
        f"sum by (instance) (increase({drops}[15m])) / (sum by (instance) (increase({seen}[15m])) > 0)", "{{instance}}"
    )


def drop_messages() -> Query:
    """Messages of Falco in the time range that it is dropping."""
    return Query(f"sum by (hostname) (increase({where('threat_falco_drop_messages_total', **NODE)}[$__range]))")


def queue_drops() -> Query:
    """Alerts a minute that Falco threw away because an output was too slow."""
    dropped = select("falcosecurity_falco_outputs_queue_num_drops_total")
    return Query(f"sum by (instance) ({a_minute(dropped)})", "{{instance}}")


def rule_files() -> Query:
    """How many Falcos have each version of each rule file."""
    files = select("falcosecurity_falco_sha256_rules_files_info")
    counted = f"count by (file_name, sha256) (group by (cluster, instance, file_name, sha256) ({files}))"
    return Query(f'sum by (file_name, version) (label_replace({counted}, "version", "$1", "sha256", "(.{{12}}).*"))')


def accepted() -> Query:
    """Events a minute that the exporter accepted."""
    counted = a_minute(where("threat_events_accepted_total", cluster=CLUSTER, control="ids"))
    return Query(f"sum({counted})", "accepted")


def rejected() -> Query:
    """Events a minute that the exporter rejected, by reason."""
    counted = a_minute(where("threat_events_rejected_total", cluster=CLUSTER))
    return Query(f"sum by (reason) ({counted})", "rejected: {{reason}}")


def fullness() -> Query:
    """Series held, as a share of the limit, by family."""
    held, limit = (
        f"max by (family) ({where(name, cluster=CLUSTER)})" for name in ("threat_series", "threat_series_limit")
    )
    return Query(f"{held} / {limit}", "{{family}}")
