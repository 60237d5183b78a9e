"""Days of normal traffic in which nothing happens, as promtool input: what a healthy cluster does all the time.

Services rise and fall with the hour, one client is always denied a little, Falco has its daily notices, an exporter
restarts, a Deployment is rolled out, a node is replaced, a policy reaches the nodes one after the other. Falco is quiet
in the first three hours of a day, because what always speaks is known only after two.
"""

import random
from dataclasses import dataclass, field
from typing import Any

MINUTES_A_DAY = 24 * 60
_EXPORTER = 'job="threatboard",namespace="monitoring",cluster="prod"'
_NODES = ("node-1", "node-2", "node-3")


def _busy(hour: int) -> float:
    """Share of the peak at an hour of the day: 1 in the afternoon, 0.3 at night."""
    return 0.3 + 0.7 * max(0.0, 1 - abs(hour - 14) / 9)


@dataclass
class Traffic:
    """`days` of minutes; the roll-out, the restart and the replaced node happen on the last of them."""

    days: int
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    series: list[dict[str, str]] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        return self.days * MINUTES_A_DAY

    def at(self, hour: int, minute: int = 0) -> int:
        """The minute of that time on the last day."""
        return self.minutes - MINUTES_A_DAY + hour * 60 + minute

    def add(self, name: str, values: str) -> None:
        self.series.append({"series": name, "values": values})

    def counter(self, name: str, per_minute: float, *, since: int = 0, until: int = 0, steady: bool = False) -> None:
        """A counter that follows the hours from one minute to another; outside of it the series is not there."""
        end = until or self.minutes
        parts = [f"_x{since}"] if since else []
        value, minute = 0.0, since
        while minute < end:
            step = per_minute if steady else per_minute * _busy(minute // 60 % 24) * self.dice.uniform(0.8, 1.2)
            length = min(60 - minute % 60, end - minute)
            parts.append(f"{value:.3f}+{step:.3f}x{length - 1}")
            value, minute = value + step * length, minute + length
        self.add(name, " ".join([*parts, "stale"] if end < self.minutes else parts))

    def events(self, name: str, minutes: list[int], *, since: int = 0) -> None:
        """A counter that is shown at 0 and steps by one at each of these minutes."""
        parts = [f"_x{since}"] if since else []
        before = since
        for count, minute in enumerate(sorted(minutes)):
            parts.append(f"{count}+0x{max(minute - before - 1, 0)}")
            before = minute
        parts.append(f"{len(minutes)}+0x{self.minutes - before - 1}")
        self.add(name, " ".join(parts))

    def gauge(self, name: str, value: float, *, since: int = 0, until: int = 0) -> None:
        end = until or self.minutes
        gone = " stale" if end < self.minutes else ""
        self.add(name, (f"_x{since} " if since else "") + f"{value}+0x{end - since - 1}{gone}")


def _pods(traffic: Traffic, workload: str) -> list[tuple[str, int, int]]:
    """Pods of a workload with the minutes of their life: web is rolled out at ten."""
    if workload != "web":
        return [(f"{workload}-5d78c9869-aaaaa", 0, 0)]
    change = traffic.at(10)
    return [(f"{workload}-5d78c9869-aaaaa", 0, change), (f"{workload}-6d9f7c8b5-bbbbb", change - 2, 0)]


def _workloads(traffic: Traffic) -> None:
    for namespace, workload, size in (("shop", "web", 6.0), ("shop", "cart", 3.0), ("pay", "ledger", 2.0)):
        for pod, since, until in _pods(traffic, workload):
            at = f'cluster="prod",namespace="{namespace}",pod="{pod}"'
            live: Any = {"since": since, "until": until}
            traffic.gauge(f'kube_pod_owner{{{at},owner_kind="ReplicaSet",owner_name="{pod[:-6]}"}}', 1, **live)
            traffic.counter(f'container_cpu_usage_seconds_total{{{at},container="app"}}', size * 5, **live)
            traffic.counter(f'container_network_transmit_bytes_total{{{at},interface="eth0"}}', size * 1.2e7, **live)
            who = f'source_namespace="{namespace}",source_workload="{workload}",source_pod="{pod}"'
            for types, queries in (("A", 40), ("AAAA", 40), ("TXT", 1)):
                asked = f'hubble_dns_queries_total{{cluster="prod",{who},qtypes="{types}",rcode="",ips_returned="0"}}'
                traffic.counter(asked, size * queries, **live)
        for rcode, share in (("No Error", 45), ("Non-Existent Domain", 30), ("Server Failure", 0.1)):
            got = f'destination_namespace="{namespace}",source_workload="coredns",qtypes="{workload}",rcode="{rcode}"'
            traffic.counter(f'hubble_dns_responses_total{{cluster="prod",{got}}}', size * share)


def _denials(traffic: Traffic) -> None:
    always = 'source_namespace="shop",source_workload="cart",source_pod="cart-5d78c9869-aaaaa",destination_namespace=""'
    denied = f'hubble_drop_total{{cluster="prod",reason="POLICY_DENIED",{always},traffic_direction="egress"}}'
    traffic.events(denied, list(range(30, traffic.minutes, 180)))
    outside = 'source_namespace="",source_pod="",destination_namespace="shop",destination_workload="web"'
    knocking = f'hubble_drop_total{{cluster="prod",reason="POLICY_DENIED",{outside},traffic_direction="ingress"}}'
    traffic.counter(knocking, 6, steady=True)
    refused = 'action="dropped",match="l7/http",source_namespace="shop",direction="egress"'
    traffic.counter(f'hubble_policy_verdicts_total{{cluster="prod",{refused}}}', 2)


def _cilium(traffic: Traffic) -> None:
    replaced = traffic.at(6)
    lives: dict[str, tuple[int, int]] = {
        "node-1": (0, 0),
        "node-2": (0, 0),
        "node-3": (0, replaced),
        "node-4": (replaced + 4, 0),
    }
    for number, (node, (since, until)) in enumerate(lives.items(), 1):
        live: Any = {"since": since, "until": until}
        at = f'cluster="prod",job="cilium-agent",instance="10.0.0.{number}:9962",node="{node}"'
        traffic.gauge(f'kube_node_info{{cluster="prod",node="{node}",internal_ip="10.0.0.{number}"}}', 1, **live)
        late: Any = {"since": since + 3 if since else 0, "until": until}
        traffic.gauge(f'cilium_version{{{at},version="1.20.0"}}', 0, **late)
        traffic.gauge(f"up{{{at}}}", 1, **late)
        for reason, rate in (("Policy denied", 8), ("Stale or unroutable IP", 40), ("CT: Map insertion failed", 0.2)):
            for direction in ("INGRESS", "EGRESS"):
                traffic.counter(
                    f'cilium_drop_count_total{{{at},reason="{reason}",direction="{direction}"}}', rate, **late
                )
        traffic.counter(f'cilium_policy_change_total{{{at},outcome="success"}}', 0.1, **late)
        traffic.gauge(f'cilium_policy_change_total{{{at},outcome="failure"}}', 0, **late)
        traffic.gauge(f'cilium_bpf_map_pressure{{{at},map_name="ct4_global"}}', 0.31, **late)
        change = traffic.at(15) + 2 * number
        if until:
            traffic.gauge(f"cilium_policy{{{at}}}", 42, **late)
        else:
            begin = late["since"]
            waits = f"_x{begin} " if begin else ""
            rest = traffic.minutes - change
            traffic.add(f"cilium_policy{{{at}}}", f"{waits}42+0x{change - begin - 1} 43+0x{rest - 1}")
        for enforcement, endpoints in (("none", 3), ("both", 30), ("audit-both", 0)):
            name = f'cilium_policy_endpoint_enforcement_status{{{at},enforcement="{enforcement}"}}'
            traffic.gauge(name, endpoints, **late)
    traffic.counter('hubble_flows_processed_total{cluster="prod",type="Trace",verdict="FORWARDED"}', 9000)


def _falco(traffic: Traffic) -> None:
    daily = (("Terminal shell in container", "notice", "execution", 11), ("Packet socket created", "notice", "", 3))
    rare = (("Read sensitive file untrusted", "warning", "credential_access", 2),)
    for replica in (1, 2):
        restart = traffic.at(13) if replica == 2 else 0
        target = f'{_EXPORTER},instance="10.0.1.{replica}:9376",pod="threatboard-{replica}"'
        for rule, priority, tactic, a_day in daily + rare:
            labels = f'rule="{rule}",priority="{priority}",source="syscall",tactic="{tactic}",hostname="node-1"'
            victim = 'k8s_ns_name="shop",k8s_pod_name="cart-5d78c9869-aaaaa",workload="cart"'
            minutes = [
                day * MINUTES_A_DAY + minute
                for day in range(traffic.days)
                for minute in traffic.dice.sample(range(180, MINUTES_A_DAY), a_day)
            ]
            traffic.events(f"threat_falco_alerts_total{{{target},{labels},{victim}}}", sorted(minutes))
        live: Any = {"until": restart} if restart else {}
        traffic.gauge(f'threat_build_info{{{target},version="0.1.0"}}', 1, **live)
        if restart:
            traffic.gauge(f'threat_build_info{{{target},version="0.1.1"}}', 1, since=restart + 1)
        for control, component in (("ids", "falco"), ("network", "cilium"), ("network", "hubble")):
            name = f'threat_control_expected{{{target},control="{control}",component="{component}"}}'
            traffic.gauge(name, 1)
        traffic.gauge(f"threat_config_reload_success{{{target}}}", 1)
        traffic.gauge(f"threat_state_healthy{{{target}}}", 1)
        traffic.counter(f'threat_events_accepted_total{{{target},control="ids"}}', 12, steady=True)
        traffic.gauge(f'threat_events_rejected_total{{{target},control="ids",reason="not_json"}}', 4)
        traffic.gauge(f'threat_series_overflow_total{{{target},family="threat_falco_alerts_total"}}', 0)
        _snapshots(traffic, target)


def _snapshots(traffic: Traffic, target: str) -> None:
    """Every five minutes, absolute numbers, alike on both replicas; node-4 takes node-3's place, whose last remains."""
    replaced = traffic.at(6)
    for number, node in enumerate((*_NODES, "node-4"), 1):
        begin = replaced + 5 if node == "node-4" else 0
        end = replaced if node == "node-3" else traffic.minutes
        waits = f"_x{begin} " if begin else ""
        times = " ".join(f"{minute * 60}+0x4" for minute in range(begin, end, 5))
        remains = f" {(end - 5) * 60}+0x{traffic.minutes - end - 1}" if end < traffic.minutes else ""
        traffic.add(
            f'threat_falco_snapshot_timestamp_seconds{{{target},hostname="{node}",source="syscall"}}',
            waits + times + remains,
        )
        for what, rate in (("drops", 30 * number), ("events", 90000)):
            name = f'threat_falco_syscall_{what}_total{{{target},hostname="{node}",source="syscall"}}'
            traffic.counter(name, rate, since=begin, steady=True)


def series(days: int) -> list[dict[str, str]]:
    """promtool `input_series` at one sample a minute."""
    traffic = Traffic(days)
    for part in (_workloads, _denials, _cilium, _falco):
        part(traffic)
    return traffic.series
