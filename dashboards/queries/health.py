"""Is each control on, in the cluster and on every node."""

from dashboards.queries import CLUSTER, Query, select
from exporter.catalog import where

_NODES = f"max by (node) ({select('kube_node_info')})"


def _of_node(age: str) -> str:
    return f'max by (node) (label_replace({age}, "node", "$1", "hostname", "(.+)"))'


def falco_by_node() -> Query:
    """1 where Falco was heard within 15 minutes, 0 where it is expected and was not, 2 where it is not expected."""
    expected = where("threat_control_expected", cluster=CLUSTER, component="falco")
    heard = [
        _of_node(f"time() - {where(name, cluster=CLUSTER, **extra)} < bool 900")
        for name, extra in (
            ("threat_falco_snapshot_timestamp_seconds", {}),
            ("threat_last_event_timestamp_seconds", {"control": "ids"}),
        )
    ]
    return Query(
        f"max by (node) (({heard[0]} > 0) or ({heard[1]} > 0) or {heard[0]} or {heard[1]}"
        f" or 0 * {_NODES} + on() group_left() 2 * (1 - max({expected})))"
    )


def cilium_by_node() -> Query:
    """1 where an agent is seen, 0 where it is expected and is not, 2 where it is not expected."""
    expected = where("threat_control_expected", cluster=CLUSTER, component="cilium")
    by_address = f'max by (internal_ip) (label_replace({select("cilium_version")}, "internal_ip", "$1", "instance", "\\\\[?(.+?)\\\\]?:[0-9]+"))'
    present = (
        f"max by (node) ({select('kube_node_info')} * on (internal_ip) group_left() (0 * {by_address} + 1))"
        f" or max by (node) (0 * {select('cilium_version', node='!=')} + 1)"
    )
    return Query(f"max by (node) ({present} or 0 * {_NODES} + on() group_left() 2 * (1 - max({expected})))")


def waf_is_on() -> Query:
    """2 where no WAF is expected, 0 where one is and nothing is heard of it."""
    expected = where("threat_control_expected", cluster=CLUSTER, component="waf")
    events = where("threat_events_accepted_total", cluster=CLUSTER, control="waf")
    return Query(f"max(({events} > 0) > bool 0) or on() max({expected} == 1) * 0 or on() max({expected} == 0) + 2")
