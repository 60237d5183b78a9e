"""Whether policy reaches the datapath of every node, how fast, and what it covers."""

from dashboards.queries import CLUSTER, Query, a_minute, on_nodes, over_nodes, select
from dashboards.queries.network import AGENT
from exporter.selectors import where

_NODE = "cluster, instance"
TRIGGER = "cilium_triggers_policy_update_call_duration_seconds"
APPLY = "cilium_policy_implementation_delay"
UPDATER = {"name": "id-alloc-update-policy-maps"}


def _mean(metric: str, **labels: str) -> str:
    parts = [
        f"sum by ({_NODE}) (increase({select(f'{metric}_{part}', **labels, **AGENT)}[30m]))"
        for part in ("sum", "count")
    ]
    return f"{parts[0]} / ({parts[1]} > 0)"


def trigger_duration() -> tuple[Query, ...]:
    """Mean time of a policy update over 30 minutes, over nodes: the trigger's up to 1.16, the time to apply since."""
    return over_nodes(f"{_mean(TRIGGER, type='duration')} or {_mean(APPLY)}")


def trigger_runs() -> tuple[Query, ...]:
    """Policy updates a minute, over nodes: trigger runs up to 1.16, updates of the policy maps since."""
    names = (
        select("cilium_triggers_policy_update_total", **AGENT),
        select("cilium_identity_updater_timer_duration_count", **UPDATER, **AGENT),
        select("cilium_identity_cache_timer_duration_count", **UPDATER, **AGENT),
        select("cilium_endpoint_regenerations_total", **AGENT),
    )
    counted = " or ".join(f"sum by ({_NODE}) (increase({name}[10m]))" for name in names)
    return over_nodes(f"({counted}) / 10")


def which_trigger() -> Query:
    """2 where the agents still have the trigger, 1 where its successor stands in for it, 0 without agents."""
    expected = where("threat_control_expected", cluster=CLUSTER, component="cilium")
    return Query(
        f"2 * (count({select(TRIGGER + '_count', **AGENT)}) > bool 0)"
        f" or on() (count({select(APPLY + '_count', **AGENT)}) > bool 0)"
        f" or on() 0 * max({expected})"
    )


def enforcement() -> Query:
    """Endpoints by the directions in which policy is enforced on them."""
    status = select("cilium_policy_endpoint_enforcement_status", **AGENT)
    return Query(f"sort_desc(sum by (enforcement) ({status}))", "{{enforcement}}")


def unenforced() -> Query:
    """Share of the endpoints on which no policy is enforced."""
    sums = [
        f"sum({select('cilium_policy_endpoint_enforcement_status', **extra, **AGENT)})"
        for extra in ({"enforcement": "none"}, {})
    ]
    return Query(f"{sums[0]} / ({sums[1]} > 0)")


def redirects() -> tuple[Query, ...]:
    """Redirects to the proxies, over nodes; a node without any counts as 0."""
    have = f"sum by ({_NODE}) ({select('cilium_proxy_redirects', **AGENT)})"
    return over_nodes(f"{have} or 0 * max by ({_NODE}) ({select('cilium_policy_max_revision', **AGENT)})")


def revision() -> tuple[Query, ...]:
    """Revision of the policy repository, over nodes."""
    return over_nodes(f"max by ({_NODE}) ({select('cilium_policy_max_revision', **AGENT)})")


def regenerations() -> Query:
    """Endpoint regenerations a minute by outcome."""
    name, failed = "cilium_endpoint_regenerations_total", "fail(ure)?"
    other = a_minute(select(name, outcome=f"!~{failed}", **AGENT))
    both = f"sum({a_minute(select(name, outcome=f'=~{failed}', **AGENT))})"
    return Query(
        f'sum by (outcome) ({other}) or label_replace({both}, "outcome", "failed", "", "")',
        "{{outcome}}",
    )


def regeneration_time() -> Query:
    """Mean time of an endpoint's regeneration on the slowest node."""
    return Query(f"max({_mean('cilium_endpoint_regeneration_time_stats_seconds', scope='total')})", "slowest node")


def pressure() -> Query:
    """How full the fullest node's BPF maps are."""
    return Query(f"topk(10, max by (map_name) ({select('cilium_bpf_map_pressure', **AGENT)}))", "{{map_name}}")


def versions() -> Query:
    """Agents by version."""
    return Query(f"count by (version) ({select('cilium_version', **AGENT)})", "{{version}}")


def unreachable() -> Query:
    """Nodes that some agent cannot reach; -1 where no agent looks."""
    unseen = f"0 * count({select('cilium_version', **AGENT)}) - 1"
    return Query(f"max({select('cilium_unreachable_nodes', **AGENT)}) or on() {unseen}")


def unreachable_from() -> Query:
    """Nodes, and health endpoints on nodes, that each agent cannot reach."""
    found = [on_nodes(f"cilium_unreachable_{what}", **AGENT) for what in ("nodes", "health_endpoints")]
    return Query(f"max by (node) ({found[0]}) + max by (node) ({found[1]})", "from {{node}}")


def controllers() -> Query:
    """Controllers that fail, by agent."""
    return Query(f"max by (node) ({on_nodes('cilium_controllers_failing', **AGENT)})", "on {{node}}")


def differing() -> Query:
    """By how many rules the nodes' policies differ."""
    loaded = select("cilium_policy", **AGENT)
    return Query(f"max(max by (cluster) ({loaded}) - min by (cluster) ({loaded}))")
