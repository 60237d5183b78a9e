"""The wall: is each control on, what is happening, who is hit, what is firing, what changed since yesterday."""

from dashboards import style
from dashboards import variables as var
from dashboards.board import About, Board, link, row
from dashboards.colours import BAD, CONTROL, FAULT, GOOD, LOOK, NEUTRAL, SEVERITY
from dashboards.fields import STATES, Column
from dashboards.ids import NAMESPACE, PLACE, WORKLOAD
from dashboards.queries import events, health, ids, network, setup

EXPECTED = "'not expected' is a choice in threatboard's configuration (controls)."

ON = row(
    "Is every control on?",
    style.tile(
        "Intrusion detection",
        About(
            "Whether Falco was heard within 15 minutes.",
            f"on. {EXPECTED}",
            "open its board; its last row names the node.",
        ),
        ids.is_on(),
        STATES,
        to=link("ids"),
    ),
    style.tile(
        "Network policy",
        About("Whether Cilium's agents are scraped.", f"on. {EXPECTED}", "set prometheus.enabled in Cilium's values."),
        network.is_on(),
        STATES,
        to=link("policy"),
    ),
    style.tile(
        "Network flows",
        About(
            "Whether Hubble's metrics are scraped.", f"on. {EXPECTED}", "set hubble.metrics.enabled in Cilium's values."
        ),
        network.hubble_is_on(),
        STATES,
        to=link("network"),
    ),
    style.tile(
        "Web firewall",
        About(
            "Whether the WAF's events come in.", f"on. {EXPECTED}", "point the WAF's log at POST /waf of the exporter."
        ),
        health.waf_is_on(),
        STATES,
        to=link("waf"),
    ),
    style.stat(
        "Firing alerts",
        About(
            "Alerts of threatboard that fire now, by severity; the watchdog is left out.",
            "0 critical, 0 warning.",
            "the table on the right names them; their Slack messages link the runbook.",
        ),
        *(events.firing(severity) for severity in SEVERITY),
        colours=SEVERITY,
        width=8,
    ),
)

FIRST = row(
    "Is it set up correctly, and what fires?",
    style.table(
        "Set-up",
        About(
            "What has to be so for the boards and alerts to be right. A line that is not there cannot be told yet.",
            "ok everywhere.",
            "do what the line says; as long as it is NO, a quiet board may be a blind one.",
        ),
        {"check": Column("Check", width=200), "then": Column("If not")},
        (setup.checks(), Column("Is so", says={1: ("ok", GOOD), 0: ("NO", BAD)}, width=70)),
        width=12,
        height=10,
        sort=(),
    ),
    style.table(
        "Firing now",
        About(
            "Alerts that fire, most severe first, and the namespace that they are about.",
            "none.",
            "critical first: open its runbook, then the namespace's time line.",
        ),
        {
            "alertname": Column("Alert"),
            # "All" is what a variable takes for all its values.
            "namespace": Column(
                "Namespace", none="All", to=link("investigate", namespace="${__value.text}"), width=110
            ),
            "workload": Column("Workload", none="All", to=PLACE, width=110),
            "link": Column("Runbook", width=90, every="open", to="${__value.raw}"),
            "runbook": Column("Runbook (rules/alerts)", width=230),
        },
        (
            events.firing_now(),
            Column(
                "Severity",
                says={
                    3: ("critical", SEVERITY["critical"]),
                    2: ("warning", SEVERITY["warning"]),
                    1: ("info", SEVERITY["info"]),
                    0: ("none", NEUTRAL),
                    -1: ("unknown", FAULT),
                },
                width=90,
            ),
        ),
        (events.firing_since(), Column("For", unit="s", decimals=0, width=90)),
        width=12,
        height=10,
        sort=("Severity",),
    ),
)

HIT = row(
    "Who is hit, and what is new",
    style.table(
        "Who is hit",
        About(
            "What each control says of a workload in the time range, and how many controls spoke of it at once."
            " Before Cilium 1.13 Hubble names nobody: there are no denials here.",
            "one control at a time, small numbers.",
            "two controls at once: the same attacker, seen by several systems. Follow the workload to its time line.",
        ),
        {
            "namespace": NAMESPACE,
            "workload": WORKLOAD,
        },
        (events.score(), Column("Controls at once", decimals=0, limits={2: BAD}, width=150)),
        (events.critical(), Column("Critical", decimals=0, limits={1: BAD}, width=90)),
        (events.of_control("ids"), Column("IDS alerts", decimals=0, width=100)),
        (events.of_control("network"), Column("Denials", decimals=0, width=90)),
        (events.of_control("waf"), Column("WAF", decimals=0, width=70)),
        width=15,
        height=8,
        sort=("Controls at once", "Critical"),
    ),
    style.table(
        "Since yesterday",
        About(
            "Events of the last 24 hours beside those of the 24 hours before, by control and severity."
            " '–': that day was not recorded as a whole, or had none. Before Cilium 1.13 without denials.",
            "alike.",
            "many times more: open that control's board for 24 hours.",
        ),
        {
            "control": Column("Control", terms=CONTROL),
            "severity": Column("Severity", terms=SEVERITY, width=90),
        },
        (events.last_day(), Column("24 h", decimals=0, width=80)),
        (events.day_before(), Column("Before", decimals=0, width=80)),
        (events.change(), Column("Change", unit="percentunit", decimals=0, limits={1: LOOK, 10: BAD}, width=90)),
        width=9,
        height=8,
        sort=("24 h",),
    ),
)

HAPPENING = row(
    "What is happening",
    style.timeseries(
        "Events by control",
        About(
            "What every control reported at each step of the graph; policy denials are spread over 5 minutes.",
            "flat and low. Lines that rise together at one time are one attack seen by several systems.",
            "mark that time, then see below who is hit.",
        ),
        *events.by_control(),
        unit="none",
        width=24,
        height=6,
        right={"network": "none", "waf": "none"},
        zeros=True,
        colours=CONTROL,
    ),
)

NODES = row(
    "Every node, and rules never seen",
    style.table(
        "Controls by node",
        About(
            "Whether Falco was heard from each node within 15 minutes, and whether its Cilium agent is scraped.",
            "on everywhere.",
            "MISSING: that node is not watched. See whether the DaemonSet tolerates its taints, and its pod's log.",
        ),
        {"node": Column("Node", to=link("ids", node="${__value.text}"))},
        (health.falco_by_node(), Column("Falco", says=STATES)),
        (health.cilium_by_node(), Column("Cilium", says=STATES)),
        width=8,
        height=8,
    ),
    style.table(
        "Rules not seen in the six days before",
        About(
            "Falco rules that spoke of a namespace in the last 24 hours, and in the six days before not.",
            "none. In the first week after the installation everything is new.",
            "each is either new software or an intruder: see when and where on the board of intrusion detection.",
        ),
        {
            "rule": Column("Rule", width=480, to=link("investigate", "namespace", rule="${__value.text}")),
            "namespace": Column("Namespace", none="(node)", to=link("ids", namespace="${__value.raw}")),
        },
        (events.new_rules(), Column("Alerts", decimals=0)),
        width=16,
        height=8,
        sort=("Alerts",),
    ),
)

BOARD = Board(
    "overview",
    "Threats / Overview",
    "Is each control on, what is happening, who is hit, what is firing, and what changed since yesterday.",
    (var.CLUSTER, var.NAMESPACE),
    (ON, FIRST, HIT, HAPPENING, NODES),
)
