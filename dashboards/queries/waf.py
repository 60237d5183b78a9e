"""The web application firewall: what it found, what it blocked and what it let through, and of how many requests.

Recordings hold events by the minute, as of Falco's alerts (`dashboards/queries/alerts.py`).
"""

from collections.abc import Mapping

from dashboards.queries import (
    ALIVE,
    CLUSTER,
    EVALUATED,
    Query,
    increased,
    or_quiet,
    or_unloaded,
    or_zero,
    select,
    step_of,
)
from exporter.catalog import OTHER, PRIORITIES, SEVERITY_OF_PRIORITY
from exporter.selectors import where

EVENTS = "namespace_workload_host_rule:threat_waf_events:increase1m"
HERE = {"namespace": "=~$namespace", "workload": "=~$workload"}
NONE = "No events"
CRITICAL = "=~" + "|".join(name for name in PRIORITIES if SEVERITY_OF_PRIORITY[name] == "critical")
VERDICTS = where("threat_waf_events_total", cluster=CLUSTER, rule_id=OTHER)
"""The overflow series: always there, one for each verdict."""

UNKNOWN = -2
"""In place of a number of requests where nobody counts them."""

RULE = "rule_id, class, severity, namespace, workload, host"


def counted(by: str = "", window: str = "$__range", **labels: str) -> str:
    """How many events in a window that ends now, by some labels: those of its whole minutes, and of the running one."""
    return _summed(by, f"{_whole(labels, f'[{window}]')} or {_running(labels)}")


def _whole(labels: Mapping[str, str], window: str) -> str:
    return f"sum_over_time({select(EVENTS, **labels, minute='whole')}{window})"


def _running(labels: Mapping[str, str], offset: str = "") -> str:
    return select(EVENTS, **labels, minute="running") + offset


def _summed(by: str, expr: str) -> str:
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def of_verdict(verdict: str) -> Query:
    """Events of a verdict in the time range; -1 where the rules are not loaded."""
    return Query(or_zero(counted(**HERE, verdict=verdict), EVALUATED), verdict)


def let_through() -> Query:
    """Events of a critical rule that were let through in the time range."""
    return Query(or_zero(counted(**HERE, verdict="detected", severity=CRITICAL), EVALUATED), "critical, let through")


def over_time() -> Query:
    """Events at each step by verdict, 0 where there were none; read a millisecond earlier, as Falco's alerts are."""
    zero = f"0 * sum by (verdict) ({VERDICTS})"
    now = _summed("verdict", f"{_whole(HERE, '[$__interval] offset 1ms')} or {_running(HERE, ' offset 1ms')}")
    before = _summed("verdict", _running(HERE, " offset ${__interval}1ms"))
    return Query(f"clamp_min(({now} or {zero}) - ({before} or {zero}), 0) and on() {EVALUATED}", "{{verdict}}")


def classes_over_time() -> Query:
    """Events of the whole minutes at each step by class of attack."""
    return Query(_summed("class", _whole(HERE, "[$__interval] offset 1ms")), "{{class}}")


def by_class() -> Query:
    """Events in the time range by class of attack."""
    return Query(or_unloaded(counted("class", **HERE), NONE, EVALUATED, part=True), "{{class}}{{note}}")


def not_blocked() -> Query:
    """The 20 rules and hosts of which most was let through."""
    return Query(or_unloaded(f"topk(20, {counted(RULE, **HERE, verdict='detected')})", "Nothing", EVALUATED))


def _top(by: str, verdict: str) -> str:
    """Events of a verdict, 0 included, of those with most events."""
    these = f"topk(20, {counted(by, **HERE)})"
    return f"({counted(by, **HERE, verdict=verdict)} and on ({by}) {these} or 0 * {these})"


def rules(verdict: str) -> Query:
    """Events of a verdict of the 20 rules with most events."""
    found = _top("rule_id, class, severity", verdict)
    return Query(or_unloaded(found, NONE, EVALUATED) if verdict == "blocked" else found)


def workloads(verdict: str) -> Query:
    """Events of a verdict of the 20 workloads and hosts with most events."""
    found = _top("namespace, workload, host", verdict)
    return Query(or_unloaded(found, NONE, EVALUATED) if verdict == "blocked" else found)


def clients() -> Query:
    """The 20 networks of clients with most events, by verdict; a sentence where they are not counted."""
    counter = where("threat_waf_client_events_total", cluster=CLUSTER, client_network=f"!={OTHER}")
    most = f"topk(20, sum by (client_network, verdict) ({increased(counter)}) > 0)"
    counted_at_all = where("threat_waf_clients_counted", cluster=CLUSTER)
    quiet = or_quiet(most, f"({counted_at_all} == 1)", "None")
    return Query(or_quiet(quiet, ALIVE, "Counted only with waf.client_networks: true"))


# How many requests, by whoever counts them --------------------------------------------------------------------


def _requests() -> str:
    """All requests of the time range: of the WAF itself, else of the proxy or the mesh that it is part of."""
    counters = (
        select("waf_filter_tx_total"),
        select("nginx_ingress_controller_requests"),
        select("istio_requests_total", reporter="destination"),
        select("envoy_http_downstream_rq_total", envoy_http_conn_manager_prefix="!=admin"),
    )
    return " or on() ".join(f"sum({increased(counter)})" for counter in counters)


def requests() -> Query:
    """Requests in the time range; UNKNOWN where nobody counts them."""
    return Query(f"{_requests()} or on() 0 * sum({ALIVE}) + {UNKNOWN}")


def anomalous() -> Query:
    """Which share of all requests the WAF found something in; UNKNOWN where nobody counts requests."""
    found = f"({counted()} or on() 0 * sum({EVALUATED}))"
    return Query(f"{found} / (({_requests()}) > 0) or on() 0 * sum({ALIVE}) + {UNKNOWN}")


# The WAF itself -----------------------------------------------------------------------------------------------


def mode() -> Query:
    """What the engines' records of an hour say that they do with attacks.

    1 block, 2 only detect, 3 only detect although they are expected to block, 4 both, 5 not told, 0 no record.
    """
    recorded = "engine_mode:threat_waf_records:increase1h"
    blocks, watches = select(recorded, mode="blocking"), select(recorded, mode="=~detection_only|off")
    expected = f"max({where('threat_waf_blocking_expected', cluster=CLUSTER)}) == 1"
    states = (
        f"0 * count({blocks}) + 1 unless on() {watches}",
        f"0 * count({watches}) + 4 and on() {blocks}",
        f"0 * count({watches}) + 3 and on() ({expected})",
        f"0 * count({watches}) + 2",
        f"0 * count({select(recorded)}) + 5",
        f"0 * sum({ALIVE})",
    )
    return Query(" or on() ".join(f"({one})" for one in states))


def inferred() -> Query:
    """Share of the events whose record does not say what became of the request; -1 without events."""
    names = ("threat_waf_inferred_verdicts_total", "threat_waf_events_total", "threat_waf_suppressed_total")
    guessed, *events = (f"sum({increased(where(name, cluster=CLUSTER))})" for name in names)
    return Query(f"{guessed} / (({' + '.join(events)}) > 0) or on() 0 * sum({ALIVE}) - 1")


def records() -> Query:
    """Audit records at each step by what the engine says that it does."""
    counter = where("threat_waf_records_total", cluster=CLUSTER)
    return Query(f"sum by (engine, mode) ({step_of(counter)})", "{{engine}}, {{mode}}")


def suppressed() -> Query:
    """Events at each step that a tuning entry suppressed, by rule and reason."""
    counter = where("threat_waf_suppressed_total", cluster=CLUSTER)
    return Query(f"topk(10, sum by (rule_id, reason) ({step_of(counter)}))", "{{rule_id}}: {{reason}}")


# What may be no attack ----------------------------------------------------------------------------------------


def _with_exclusion(expr: str) -> str:
    """The same with the WAF's own words that leave the rule out for a parameter."""
    return f'label_replace({expr}, "exclusion", "ctl:ruleRemoveTargetById=$1;ARGS:NAME", "rule_id", "(.+)")'


def _steady() -> str:
    minutes = f"count_over_time({select(EVENTS, **HERE, minute='whole', rule_id='!=')}[$__range])"
    return f"topk(20, max by ({RULE}) ({minutes}))"


def steady() -> Query:
    """The 20 rules and hosts that speak in most minutes of the time range."""
    return Query(or_unloaded(_with_exclusion(_steady()), NONE, EVALUATED))


def steady_events() -> Query:
    """How many events they have."""
    return Query(_with_exclusion(f"({counted(RULE, **HERE)} and on ({RULE}) {_steady()})"))


def steady_company() -> Query:
    """How many rules speak of the same host."""
    spoke = f"group by ({RULE}) (count_over_time({select(EVENTS, **HERE)}[$__range]))"
    company = f"count by (namespace, workload, host) ({spoke})"
    joined = f"0 * {_steady()} + on (namespace, workload, host) group_left () {company}"
    return Query(_with_exclusion(f"({joined})"))
