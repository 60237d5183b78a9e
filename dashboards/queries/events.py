"""What happened, over all controls: the shape that they share, firing alerts, and changes that explain what is seen."""

from dashboards.queries import CLUSTER, Query, per_minute, select, total
from exporter.catalog import where

SHARED = "namespace_workload_pod:threat_events:increase5m"
HOSTS = "hostname:threat_events:increase5m"
ALIVE = where("threat_build_info", cluster=CLUSTER)
"""Is there while an exporter is scraped: what is 0 then is none, not unknown."""


def _firing(**labels: str) -> str:
    return select("ALERTS", alertstate="firing", control="=~.+", alertname="!=PlatformWatchdog", **labels)


def _annotation(name: str, colour: str, expr: str, title: str, text: str) -> dict[str, object]:
    target = {"expr": expr, "refId": "Anno"}
    return {
        "name": name,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": target,
        "titleFormat": title,
        "textFormat": text,
    }


ANNOTATIONS = (
    _annotation("Firing alerts", "red", _firing(), "{{alertname}}", "{{severity}} {{namespace}}"),
    _annotation(
        "Tuning changes",
        "blue",
        f"changes({where('threat_config_reload_timestamp_seconds', cluster=CLUSTER)}[2m]) > 0",
        "Configuration reloaded",
        "{{instance}}",
    ),
    _annotation(
        "Policy changes",
        "purple",
        f"max by (cluster) (changes({select('cilium_policy_max_revision')}[2m])) > 0",
        "Network policy changed",
        "{{cluster}}",
    ),
)
"""For every board: each is a vertical line where its expression is there."""


def by_control() -> Query:
    """Events a minute of every control, 0 for a control that is recorded and quiet."""
    happened = f"{per_minute(select(SHARED, namespace='=~$namespace'))} or {per_minute(select(HOSTS))}"
    silent = f"0 * group by (control) ({select('cluster:threat_recorded:info')})"
    return Query(f"sum by (control) ({happened}) or {silent}", "{{control}}")


def of_control(control: str) -> Query:
    """Events in the time range by namespace and workload."""
    counted = total(select(SHARED, control=control, namespace="=~$namespace"))
    return Query(f"topk(50, sum by (namespace, workload) ({counted}))")


def critical() -> Query:
    """Events of critical severity in the time range by namespace and workload."""
    counted = total(select(SHARED, severity="critical", namespace="=~$namespace"))
    return Query(f"topk(50, sum by (namespace, workload) ({counted}))")


def score() -> Query:
    """The most controls that spoke of a workload at once, in the time range."""
    at_once = select("namespace_workload:threat_controls:count3m", namespace="=~$namespace")
    return Query(f"topk(50, max by (namespace, workload) (max_over_time({at_once}[$__range])))")


def firing(severity: str) -> Query:
    """How many alerts of a severity fire now."""
    return Query(f"count({_firing(severity=severity)}) or on() 0 * sum({ALIVE})", severity)


def firing_now() -> Query:
    """The alerts that fire, most severe first (3 critical, 2 warning, 1 info)."""
    ranked = " or ".join(
        f"{rank} * group by (alertname, namespace) ({_firing(severity=severity)})"
        for rank, severity in ((3, "critical"), (2, "warning"), (1, "info"))
    )
    quiet = f'label_replace(0 * sum({ALIVE}), "alertname", "No alert is firing", "", "")'
    return Query(f"topk(20, {ranked}) or on() {quiet}")


def last_day(offset: str = "") -> Query:
    """Events of 24 hours by control and severity, ending now or `offset` before."""
    shifted = f" offset {offset}" if offset else ""
    return Query(f"sum by (control, severity) ({select('cluster:threat_events:increase1d')}{shifted})")


def change() -> Query:
    """By which share the last 24 hours differ from the 24 hours before."""
    now, before = last_day().expr, last_day("1d").expr
    return Query(f"({now} - {before}) / {before}")


def new_rules() -> Query:
    """Falco rules that spoke in the last 24 hours and not in the six days before."""
    recorded = select("namespace_workload_rule_hostname:threat_falco_alerts:increase5m")
    counted = total(recorded, "1d")
    news = f"sum by (rule, namespace) ({counted})"
    old = f"group by (rule, namespace) (max_over_time({recorded}[6d] offset 1d))"
    quiet = f'label_replace(0 * sum({ALIVE}), "rule", "None", "", "")'
    return Query(f"topk(10, {news} unless {old}) or on() {quiet}")
