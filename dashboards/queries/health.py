"""Is each control on, in the cluster and on every node."""

from dashboards.queries import CLUSTER, Query, select
from exporter.selectors import where
from exporter.send_test import RULE as TEST

_NODES = f"max by (node) ({select('kube_node_info')})"
_HOST = r"\\[?(.+?)\\]?:[0-9]+"
"""The address in an `instance`, IPv6 too, as a PromQL string has it."""


def _or_expected(known: str, component: str) -> Query:
    """What is known of nodes; else, for a node of the cluster, 0 where the component is expected and 2 where not."""
    expected = where("threat_control_expected", cluster=CLUSTER, component=component)
    return Query(f"max by (node) ({known} or 0 * {_NODES} + on() group_left() 2 * (1 - max({expected})))")


def falco_by_node() -> Query:
    """1 where Falco was heard within 15 minutes, 0 where it is expected and was not, 2 where it is not expected."""
    snapshots = where("threat_falco_snapshot_timestamp_seconds", cluster=CLUSTER, source="syscall")
    events = where("threat_last_event_timestamp_seconds", cluster=CLUSTER, control="ids")
    # Who sends test alerts is no node.
    real = f"({events} unless on (hostname) {where('threat_falco_alerts_total', cluster=CLUSTER, rule=TEST)})"
    heard = [f"time() - max by (cluster, hostname) ({one}) < bool 900" for one in (snapshots, real)]
    nodes = [f'max by (node) (label_replace({one}, "node", "$1", "hostname", "(.+)"))' for one in heard]
    newest, silent = " or ".join(f"{one} > 0" for one in nodes), " or ".join(nodes)
    return _or_expected(f"{newest} or {silent}", "falco")


def cilium_by_node() -> Query:
    """1 where an agent is seen, 0 where it is expected and is not, 2 where it is not expected."""
    # A target's node label appears with newer charts only; the address is there with all.
    agents = f"group by (cluster, instance) ({select('cilium_version')})"
    addresses = f'label_replace({agents}, "internal_ip", "$1", "instance", "{_HOST}")'
    found = f"group by (node) ({select('kube_node_info')} and on (cluster, internal_ip) {addresses})"
    return _or_expected(f"{found} or group by (node) ({select('cilium_version', node='!=')})", "cilium")


def waf_is_on() -> Query:
    """1 where the WAF's events come in, 0 where they are expected and do not, 2 where they are not expected."""
    expected = where("threat_control_expected", cluster=CLUSTER, component="waf")
    events = where("threat_events_accepted_total", cluster=CLUSTER, control="waf")
    return Query(f"max({events} > bool 0) > 0 or on() max({expected} == 1) * 0 or on() max({expected} == 0) + 2")
