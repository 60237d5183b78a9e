"""Network state: what Cilium dropped and proxied, and whom Hubble saw being stopped."""

from dashboards import hubble, style
from dashboards import variables as var
from dashboards.board import About, Board, Panel, row
from dashboards.colours import BAD, DENIALS, GOOD, LOOK, NEUTRAL, OVER_NODES, REASONS, SCOPES, VERDICT, WAYS
from dashboards.fields import STATES
from dashboards.queries import network

PACKETS = "count:p/s"
"""Grafana's own pps writes thousandths as "mp/s"."""

HUBBLE = {0: ("NO", LOOK), 1: ("yes", GOOD), 2: ("from 1.13 on", NEUTRAL)}

NOW = row(
    "Is it on?",
    style.tile(
        "Cilium",
        About(
            "Whether Cilium's agents are scraped.",
            "on. 'not expected' means that controls.network is false in threatboard's configuration: a choice.",
            "MISSING: set prometheus.enabled and prometheus.serviceMonitor.enabled in Cilium's values.",
        ),
        network.is_on(),
        STATES,
    ),
    style.stat(
        "Agents",
        About(
            "Cilium agents that Prometheus sees.",
            "one for each node.",
            "fewer: the overview shows which node lacks one.",
        ),
        network.agents(),
    ),
    style.tile(
        "Hubble",
        About(
            "Whether Hubble's metrics are scraped; all panels of 'Who was stopped' need them.",
            "on. 'not expected' means that controls.hubble is false in threatboard's configuration: a choice.",
            "MISSING: set hubble.metrics.enabled and its serviceMonitor, then restart the Cilium DaemonSet.",
        ),
        network.hubble_is_on(),
        STATES,
    ),
    style.tile(
        "Hubble names workloads",
        About(
            "Whether Hubble's metrics say which namespace, workload and pod a flow belongs to.",
            "yes. 'from 1.13 on': this Cilium cannot yet, so everything below is for the whole cluster.",
            "NO: add labelsContext to each of hubble.metrics.enabled, as the chart's notes print it.",
        ),
        network.hubble_names_namespaces(),
        HUBBLE,
    ),
    style.tile(
        "DNS is seen",
        About(
            "Whether any DNS passes Cilium's proxy, so that names can be allowed, denied and counted.",
            "yes.",
            "NO: a policy with a DNS rule to kube-dns makes names visible (toPorts 53, rules: dns, matchPattern '*').",
        ),
        network.dns_is_visible(),
        HUBBLE,
    ),
    style.stat(
        "Events that Hubble lost",
        About(
            "Events a second that Hubble lost: all its numbers are too low by that.",
            "0, or a few in a burst. Cilium counts them since 1.14.",
            "raise hubble.eventQueueSize and hubble.eventBufferCapacity.",
        ),
        network.lost_events(),
        says={-1: ("not counted", NEUTRAL)},
        unit="eps",
        limits={0.05: LOOK, 5: BAD},
    ),
)

_NOISE = "a few a second: stale addresses, IPv6 in IPv4-only clusters, and what policy is there to stop."
_REASON = "'Policy denied' rises: see 'Denied by workload'. Any other: look it up; CT and NAT ones mean full maps."


def _dropped(direction: str, what: str, unit: str) -> Panel:
    """Packets or traffic that was dropped on the way out of pods, or into them."""
    way = {"egress": "left a pod", "ingress": "were for a pod"}[direction]
    about = f"{unit} that {way} and were dropped, by reason. A reason has one colour on all four."
    return style.timeseries(
        f"Dropped {direction} {what}",
        About(about, _NOISE, _REASON),
        network.dropped({"packets": "count", "traffic": "bytes"}[what], direction.upper()),
        unit={"packets": PACKETS, "traffic": "bps"}[what],
        stacked=True,
        colours={**DENIALS, **REASONS},
        axis=unit.lower(),
    )


DROPS = row(
    "Forwarded and dropped by the datapath",
    style.timeseries(
        "Forwarded and dropped packets",
        About(
            "Packets a second that the datapath forwarded and dropped, out of pods (egress) and into them (ingress).",
            "forwarded follows the cluster's work; dropped is hardly to be seen beside it.",
            "dropped rises and forwarded does not: see the reasons below. Both rise: somebody sends much.",
        ),
        *network.forwarded(),
        unit=PACKETS,
        colours=WAYS,
        axis="packets per second",
        zeros=True,
    ),
    style.timeseries(
        "Share dropped",
        About(
            "How much of all packets was dropped, by direction.",
            "below one in a hundred, even.",
            "a step: policy that is too tight, an attack, or a datapath that cannot keep up; the reasons tell which.",
        ),
        *network.dropped_share(),
        unit="percentunit",
        colours=WAYS,
        zeros=True,
    ),
    _dropped("egress", "packets", "Packets per second"),
    _dropped("egress", "traffic", "Bits per second"),
    _dropped("ingress", "packets", "Packets per second"),
    _dropped("ingress", "traffic", "Bits per second"),
    style.timeseries(
        "Dropped in no direction",
        About(
            "Packets a second that were dropped for a service, or before their direction was known.",
            "next to nothing; some while a node starts.",
            "'Host datapath not ready' for long: the agent there cannot finish its set-up; read its log.",
        ),
        network.dropped_elsewhere(),
        unit=PACKETS,
        height=7,
    ),
    style.timeseries(
        "Share of the drops that is policy",
        About(
            "How much of what is dropped was dropped by policy. policyDenyResponse: icmp (1.19) hides egress here.",
            "what it is every day.",
            "a step up: somebody tries what is forbidden, or a policy is too tight since the last change.",
        ),
        network.denied_share(),
        unit="percentunit",
        height=7,
    ),
)

PROXY = row(
    "Proxies and policies",
    style.timeseries(
        "L7 requests",
        About(
            "Requests a second that the DNS and HTTP proxies forwarded and denied. Cilium counts a request and"
            " its answer, so the forwarded ones are halved.",
            "no denials. 0 throughout: no policy has L7 rules.",
            "denied names and requests by workload: see 'DNS' and 'Verdicts' below.",
        ),
        network.l7("forwarded", "forwarded", " / 2"),
        network.l7("denied", "denied"),
        unit="reqps",
        stacked=True,
        colours=VERDICT,
        zeros=True,
    ),
    style.timeseries(
        "Policies per node",
        About(
            "Rules in the agents' repositories: minimum, average and maximum over nodes; import errors in 10 minutes."
            " Lines, not a stack: the three are of the same rules, their sum is of nothing.",
            "three equal lines, no errors.",
            "lines apart for minutes: a node has not got a change. Errors: the agent's log names the policy.",
        ),
        *network.policies(),
        network.import_errors(),
        unit="none",
        colours={**OVER_NODES, "import errors": BAD},
        right={"import errors": "none"},
        zeros=True,
    ),
    style.timeseries(
        "Proxy response time, average",
        About(
            "Mean time of the DNS proxy (processing) and of the server behind it (upstream), which add up.",
            "processing below a millisecond, upstream a few milliseconds.",
            "upstream slow: CoreDNS. Processing slow: the agent lacks CPU. Parse errors: not DNS, or a tunnel.",
        ),
        network.proxy_average(),
        network.parse_errors(),
        unit="s",
        stacked=True,
        colours={**SCOPES, **VERDICT},
        right={"parse errors": "mps"},
    ),
    style.timeseries(
        "Proxy response time, maximum",
        About(
            "The mean of the slowest node, and what one in a hundred exceeds; parse errors on the right."
            " Lines, not a stack: the slowest node is another for each, so their sum is no answer's time.",
            "near the average.",
            "one node slow: look at that node. All slow: CoreDNS.",
        ),
        network.proxy_maximum(),
        network.proxy_slow(),
        network.parse_errors(),
        unit="s",
        colours=VERDICT,
        right={"parse errors": "mps"},
    ),
)

BOARD = Board(
    "network",
    "Threats / Network",
    "What Cilium dropped and proxied, and whom Hubble saw being stopped.",
    (var.CLUSTER, var.NAMESPACE, var.WORKLOAD, var.AGENT),
    (NOW, DROPS, PROXY, hubble.STOPPED),
)
