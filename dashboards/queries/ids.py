"""Falco: what it saw, where, along which chain; and whether it sees at all."""

from dashboards.queries import (
    ALIVE,
    CLUSTER,
    RECORDED,
    UNLOADED,
    Query,
    increased,
    on_nodes,
    or_unloaded,
    or_zero,
    select,
    state,
    step_of,
)
from dashboards.queries.alerts import at_each_step, counted, of_severity
from exporter.catalog import OTHER, TACTICS
from exporter.selectors import where
from exporter.send_test import RULE as TEST

PLACE = {"namespace": "=~$namespace", "workload": "=~$workload", "rule": "=~$rule"}
CHOSEN = {**PLACE, "hostname": "=~$node"}
OVERFLOW = where("threat_falco_alerts_total", cluster=CLUSTER, rule="other")
NODE = {"cluster": CLUSTER, "hostname": "=~$node"}
NONE = "No alerts"


def _most(number: int, by: str, **labels: str) -> str:
    return f"topk({number}, {counted(by, **CHOSEN, **labels)})"


def by_severity(severity: str) -> Query:
    """Alerts of a severity in the time range; -1 where the rules are not loaded."""
    return Query(or_zero(counted(**CHOSEN, priority=of_severity(severity))), severity)


def over_time() -> Query:
    """Alerts at each step by priority, those that there were."""
    shown = at_each_step(f"0 * sum by (priority) ({OVERFLOW})", "priority", **CHOSEN)
    return Query(f"{shown} and on() {RECORDED}", "{{priority}}")


def top_rules(number: int) -> Query:
    """The rules with most alerts in the time range."""
    return Query(or_unloaded(_most(number, "rule"), NONE, part=True), "{{rule}}{{note}}")


def by_priority() -> Query:
    """Alerts in the time range by priority."""
    return Query(or_unloaded(counted("priority", **CHOSEN), NONE, part=True), "{{priority}}{{note}}")


def rules_with_meaning() -> Query:
    """The 20 rules with most alerts, with their priority and tactic."""
    return Query(or_unloaded(_most(20, "rule, priority, tactic"), NONE))


def by_node() -> Query:
    """The 20 nodes with most alerts."""
    return Query(or_unloaded(_most(20, "hostname"), NONE))


def by_pod() -> Query:
    """The 20 pods with most alerts; alerts of a node itself belong to none."""
    return Query(or_unloaded(_most(20, "namespace, workload, pod", pod="!="), NONE))


def by_workload() -> Query:
    """The 20 workloads with most alerts."""
    return Query(or_unloaded(_most(20, "namespace, workload"), NONE))


def along_the_chain() -> tuple[Query, ...]:
    """Alerts in the time range for each tactic, in the order of the attack chain; or that the rules are not loaded."""
    none = f"0 * sum({RECORDED})"
    bars = (Query(f"{counted(**CHOSEN, tactic=one)} or on() {none}", one.replace("_", " ")) for one in TACTICS)
    return (*bars, Query(f"0 * sum({ALIVE}) - 1 unless on() {none}", UNLOADED))


def delays() -> Query:
    """Events at each step by their delay."""
    buckets = where("threat_event_delay_seconds_bucket", cluster=CLUSTER, control="ids")
    return Query(f"sum by (le) ({step_of(buckets)})", "{{le}}")


def delay(quantile: float) -> Query:
    """Delay that this share of the time range's events stayed below; -1 when there were none."""
    buckets = where("threat_event_delay_seconds_bucket", cluster=CLUSTER, control="ids")
    measured = f"histogram_quantile({quantile}, sum by (le) (increase({buckets}[$__range]))) >= 0"
    return Query(f"{measured} or on() 0 * sum({ALIVE}) - 1")


def suppressed() -> Query:
    """Alerts at each step that a tuning entry suppressed, by rule and reason."""
    counter = where("threat_falco_suppressed_total", cluster=CLUSTER, rule="=~$rule")
    return Query(f"topk(10, sum by (rule, reason) ({step_of(counter)}))", "{{rule}}: {{reason}}")


def suppressed_in_all() -> Query:
    """Alerts that a tuning entry suppressed in the time range."""
    counter = where("threat_falco_suppressed_total", cluster=CLUSTER, rule="=~$rule")
    return Query(f"sum({increased(counter)}) or on() 0 * sum({ALIVE})")


# Falco itself ------------------------------------------------------------------------------------------------


def is_on() -> Query:
    """1 where Falco was heard within 15 minutes, 0 where it is expected and was not, 2 where it is not expected."""
    own = select("falcosecurity_falco_version_info")
    snapshots = where("threat_falco_snapshot_timestamp_seconds", cluster=CLUSTER, source="syscall")
    events = where("threat_last_event_timestamp_seconds", cluster=CLUSTER, control="ids")
    # Who sends test alerts is no Falco.
    tests = where("threat_falco_alerts_total", cluster=CLUSTER, rule=TEST)
    heard = f"time() - {events} < 900 unless on (hostname) {tests}"
    # What Falco sees is of no use while nobody takes it.
    return Query(state(f"(time() - {snapshots} < 900 or {heard} or {own}) and on() {ALIVE}", "falco"))


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
    """The same from Falco's own metrics."""
    drops, seen = (
        f"sum by (node) ({on_nodes(f'falcosecurity_scap_n_{what}_total', 'increase({}[15m])')})"
        for what in ("drops", "evts")
    )
    return Query(f"{drops} / ({seen} > 0)", "{{node}}, by Falco")


def drop_messages() -> Query:
    """Messages of Falco in the time range that it is dropping."""
    name = "threat_falco_drop_messages_total"
    found = f"sum by (hostname) ({increased(where(name, **NODE))})"
    # Those of nodes that found no place in the store are a row only where there are any.
    other = where(name, cluster=CLUSTER, hostname=OTHER)
    return Query(f"{found} unless ({found} == 0 and on (hostname) last_over_time({other}[$__range]))")


def queue_drops() -> Query:
    """Alerts at each step that Falco threw away because an output was too slow."""
    dropped = on_nodes("falcosecurity_falco_outputs_queue_num_drops_total", "increase({}[$__rate_interval])")
    return Query(f"sum by (node) ({dropped})", "{{node}}")


def rule_files() -> Query:
    """How many Falcos have each version of each rule file."""
    files = select("falcosecurity_falco_sha256_rules_files_info")
    counted = f"count by (file_name, sha256) (group by (cluster, instance, file_name, sha256) ({files}))"
    return Query(f'sum by (file_name, version) (label_replace({counted}, "version", "$1", "sha256", "(.{{12}}).*"))')


def accepted() -> Query:
    """Events at each step that the exporter accepted."""
    counter = where("threat_events_accepted_total", cluster=CLUSTER, control="ids")
    return Query(f"sum({step_of(counter)})", "accepted")


def rejected() -> Query:
    """Events at each step that the exporter rejected, by reason."""
    counter = where("threat_events_rejected_total", cluster=CLUSTER)
    return Query(f"sum by (reason) ({step_of(counter)})", "rejected: {{reason}}")


def fullness() -> Query:
    """Series held, as a share of the limit, by family."""
    held, limit = (
        f"max by (family) ({where(name, cluster=CLUSTER)})" for name in ("threat_series", "threat_series_limit")
    )
    short = "threat_(?:falco_)?(.+?)(?:_total|_seconds)?"
    return Query(f'label_replace({held} / {limit}, "of", "$1", "family", "{short}")', "{{of}}")
