"""What happened, over all controls: the shape that they share, firing alerts, and changes that explain what is seen."""

from dashboards.queries import (
    CLUSTER,
    EVALUATED,
    NOTE,
    RECORDED,
    Query,
    or_unloaded,
    or_zero,
    per_step,
    select,
    total,
)
from dashboards.queries.alerts import at_each_step, counted, counted_before, of_severity
from dashboards.queries.network import nameless_denials
from exporter.selectors import where

SHARED = "namespace_workload_pod:threat_events:increase5m"
HOSTS = "hostname:threat_events:increase5m"
HERE = {"namespace": "=~$namespace"}
PLACE = "namespace, workload"
YOUNG = "Too early to tell: a week of recordings is needed"
_SINCE = f"and on() {RECORDED}"
SEVERITIES = ("critical", "warning", "info")
FAMILIES = ("Correlated", "Host", "Ids", "Network", "Platform", "Waf")
"""First words of our alerts' names; in lower case, the folders of rules/alerts."""


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


def by_control() -> tuple[Query, Query]:
    """Events of every control at each step, 0 for a control that is recorded and quiet.

    Falco's are exact; of the others the recordings know five minutes at a time, so theirs are spread over them. They
    know namespaces only: denials of nobody that Hubble names are counted apart.
    """
    ids = at_each_step(f"0 * sum({RECORDED})", **HERE)
    others = per_step(select(SHARED, control="!=ids", **HERE))
    quiet = f"0 * group by (control) ({select('cluster:threat_recorded:info', control='!=ids')})"
    # Without the rules one control alone would look as if the others were quiet.
    nameless = f'label_replace({nameless_denials()}, "control", "network", "", "") and on() {EVALUATED}'
    return Query(ids, "ids"), Query(f"sum by (control) ({others}) or {nameless} or {quiet}", "{{control}}")


def of_control(control: str) -> Query:
    """Events in the time range by namespace and workload."""
    others = f"sum by ({PLACE}) ({total(select(SHARED, control=control, **HERE))})"
    return Query(f"topk(50, {counted(PLACE, **HERE) if control == 'ids' else others})")


def critical() -> Query:
    """Falco's critical alerts in the time range by namespace and workload."""
    return Query(f"topk(50, {counted(PLACE, **HERE, priority=of_severity('critical'))})")


def score() -> Query:
    """The most controls that spoke of a workload at once, in the time range; 0 for what was too mild to count."""
    at_once = select("namespace_workload:threat_controls:count3m", **HERE)
    others = select(SHARED, control="!=ids", **HERE)
    mild = f"0 * {counted(PLACE, **HERE)} or 0 * sum by ({PLACE}) (sum_over_time({others}[$__range]))"
    most = f"max by ({PLACE}) (max_over_time({at_once}[$__range])) or {mild}"
    return Query(or_unloaded(f"topk(50, {most})", "Nobody"))


def firing(severity: str) -> Query:
    """How many alerts of a severity fire now; -1 where the rules are not loaded."""
    return Query(or_zero(f"count({_firing(severity=severity)})", EVALUATED), severity)


def _with_runbooks(told: str) -> str:
    """The same with the address of each alert's page as `link`; where nobody said where they are, its file."""
    for family in FAMILIES:
        told = f'label_replace({told}, "runbook", "{family.lower()}/$1.md", "alertname", "({family}.+)")'
    # Nothing tells one cluster's from another's where the rules are evaluated.
    base = f"topk(1, group by (base) ({select('threat:runbooks', cluster=CLUSTER + '|')}))"
    linked = f'label_join({told} * on() group_left (base) {base}, "link", "/", "base", "runbook")'
    return f"sum by (alertname, namespace, workload, link) ({linked}) or on (alertname, namespace, workload) {told}"


def firing_now() -> Query:
    """The alerts that fire, most severe first (3 critical, 2 warning, 1 info), and their runbooks."""
    ranked = " or ".join(
        f"{rank} * group by (alertname, namespace, workload) ({_firing(severity=severity)})"
        for rank, severity in zip((3, 2, 1), SEVERITIES, strict=True)
    )
    told = _with_runbooks(f"topk(20, {ranked})")
    return Query(or_unloaded(told, "No alert is firing", heartbeat=EVALUATED))


def firing_since() -> Query:
    """For how long each of them has been active."""
    active = select("ALERTS_FOR_STATE", control="=~.+", alertname="!=PlatformWatchdog")
    since = f"min by (alertname, namespace, workload) ({active} and ignoring (alertstate) {_firing()})"
    return Query(_with_runbooks(f"(time() - {since})"))


def _day(offset: str = "") -> str:
    """Events of 24 hours by control and severity: the last ones, or those that ended so long ago."""
    rows = []
    for severity in SEVERITIES:
        these = {**HERE, "priority": of_severity(severity)}
        count = counted_before("", "1d", offset, **these) if offset else counted("", "1d", **these)
        rows.append(
            f'label_replace(label_replace({count}, "severity", "{severity}", "", ""), "control", "ids", "", "")'
        )
    others = total(select(SHARED, control="!=ids", **HERE), "1d", f" offset {offset}" if offset else "")
    return f"{' or '.join(rows)} or sum by (control, severity) ({others})"


def last_day() -> Query:
    """Events of the last 24 hours by control and severity."""
    return Query(or_unloaded(_day(), "No events"))


def day_before() -> Query:
    """Those of the 24 hours before; 0 where there were none, nothing where not all of that day was recorded."""
    return Query(f"({_day('1d')} or 0 * ({_day()})) {_SINCE} offset 2d")


def change() -> Query:
    """By which share the last 24 hours differ from the 24 hours before."""
    before = f"(({_day('1d')}) > 0)"
    return Query(f"((({_day()}) - {before}) / {before}) {_SINCE} offset 2d")


def new_rules() -> Query:
    """Falco rules that spoke in the last 24 hours and not in the six days before, once there is such a past."""
    by = "rule, namespace"
    news, old = counted(by, "1d", **HERE), counted_before(by, "6d", "1d", **HERE)
    young = f'label_replace(0 * sum({RECORDED} unless on() {RECORDED} offset 6d), "{NOTE}", "{YOUNG}", "", "")'
    return Query(or_unloaded(f"topk(10, ({news} unless {old}) {_SINCE} offset 6d) or on() {young}", "None"))
