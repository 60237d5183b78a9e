"""Intrusion detection: what Falco saw, where and along which chain, and whether it sees at all."""

from dashboards import falco, style
from dashboards import variables as var
from dashboards.board import About, Board, link, row
from dashboards.colours import BAD, CONTROL, LOOK, NEUTRAL, PRIORITY, SEVERITY
from dashboards.fields import STATES, Column
from dashboards.queries import ids

PLACE = link("investigate", namespace='${__data.fields["Namespace"]}', workload='${__data.fields["Workload"]}')
# Alerts of a node itself have neither, and links are to carry just that: not the words that stand in its place.
NAMESPACE = Column("Namespace", none="", to=link("investigate", namespace="${__value.raw}"))
WORKLOAD = Column(
    "Workload",
    none="(node)",
    to=link("investigate", namespace='${__data.fields["Namespace"]}', workload="${__value.raw}"),
)
COUNT = Column("Alerts", decimals=0, bar=True)


def _of_rule(rule: str) -> str:
    return link("investigate", "namespace", "workload", rule=rule)


NOW = row(
    "Now",
    style.tile(
        "Falco",
        About(
            "Whether Falco was heard within 15 minutes, by its metrics snapshots, its alerts or its own metrics.",
            "on. 'not expected' means that controls.ids is false in threatboard's configuration: a choice.",
            "MISSING: see 'Falco by node' below for who is silent; then Falco's http_output and its pods' log.",
        ),
        ids.is_on(),
        STATES,
        width=3,
    ),
    style.stat(
        "Alerts in the time range",
        About(
            "Falco's alerts by severity: critical is priority critical and above, warning is error and warning.",
            "no critical ones; what warnings are usual shows the graph below.",
            "critical: open 'By pod', follow the pod to the investigate board, read the event lines.",
        ),
        *(ids.by_severity(severity) for severity in SEVERITY),
        colours=SEVERITY,
        width=9,
    ),
    style.stat(
        "Falco nodes heard",
        About(
            "Nodes whose Falco sent a metrics snapshot within 15 minutes.",
            "as many as the cluster has nodes. 0 with alerts coming in means that snapshots are off or rarer.",
            "see 'Falco by node'; set metrics.enabled, metrics.output_rule and metrics.interval: 5m in Falco.",
        ),
        ids.nodes(),
        width=4,
    ),
    style.stat(
        "Detection delay, 95 %",
        About(
            "Time from an event in the kernel to its receipt here that 95 % of the events stay below.",
            "under 5 seconds.",
            "a slow output before ours, or an overloaded node: see 'Detection delay' below and Falco's queue.",
        ),
        ids.delay(0.95),
        unit="s",
        limits={60: LOOK, 300: BAD},
        says={-1: ("no events", NEUTRAL)},
        width=4,
    ),
    style.stat(
        "Suppressed",
        About(
            "Alerts in the time range that a tuning entry kept from being counted.",
            "steady; they are known noise.",
            "a jump: somebody hides behind a tuned rule, or an entry is too wide. See 'Suppressed alerts'.",
        ),
        ids.suppressed_in_all(),
        width=4,
    ),
)

WHAT = row(
    "What happened",
    style.timeseries(
        "Alerts over time",
        About(
            "Falco's alerts at each step of the graph, by priority; a step is a minute in three hours.",
            "a low, even band of notices; the height of the band is the cluster's own.",
            "mark the time of a step, then read the rules and pods of just that time below.",
        ),
        ids.over_time(),
        unit="none",
        width=24,
        stacked=True,
        colours=PRIORITY,
    ),
    style.pie(
        "Top 10 rules",
        About(
            "The rules with most alerts in the time range.",
            "the few rules that every cluster triggers; see the table for their meaning.",
            "one rule that is most of the pie is to be tuned, or is the attack.",
        ),
        ids.top_rules(10),
        to=_of_rule("${__field.labels.rule}"),
        width=9,
        height=11,
    ),
    style.pie(
        "By priority",
        About(
            "Alerts in the time range by Falco's priority.",
            "notices and some warnings.",
            "red parts: each is worth a look; find them in the table of rules.",
        ),
        ids.by_priority(),
        width=7,
        height=11,
        colours=PRIORITY,
    ),
    style.bars(
        "Along the attack chain",
        About(
            "Alerts in the time range by MITRE ATT&CK tactic, in the order in which an intruder goes.",
            "one or two bars that belong to daily work, such as discovery by operators.",
            "several bars from top to bottom in one workload are an intrusion under way: see by workload.",
        ),
        *ids.along_the_chain(),
        width=8,
        height=11,
        hue=CONTROL["ids"],
    ),
    style.table(
        "Top 20 rules",
        About(
            "The rules with most alerts in the time range, with priority and tactic.",
            "rules that you know, with numbers that you know.",
            "a rule that you do not know: read it in Falco's rule files, then look where it spoke.",
        ),
        {
            "rule": Column("Rule", width=520, to=_of_rule("${__value.text}")),
            "priority": Column("Priority", terms=PRIORITY),
            "tactic": Column("Tactic"),
        },
        (ids.rules_with_meaning(), COUNT),
        width=24,
        height=10,
        sort=("Alerts",),
    ),
)

WHERE = row(
    "Where",
    style.table(
        "By pod",
        About(
            "The 20 pods with most alerts in the time range.",
            "build runners, backups and the like.",
            "a pod that serves customers is worth a look at any number: follow it to its time line.",
        ),
        {
            "namespace": NAMESPACE,
            "workload": WORKLOAD,
            "pod": Column("Pod", width=340, to=f"{PLACE}&var-pod=${{__value.text}}"),
        },
        (ids.by_pod(), COUNT),
        width=14,
        sort=("Alerts",),
    ),
    style.table(
        "By node",
        About(
            "The 20 nodes with most alerts in the time range, the node's own alerts included.",
            "even, or uneven as the workloads are.",
            "one node far ahead: if no pod explains it, the node itself is concerned.",
        ),
        {"hostname": Column("Node", to=link("ids", node="${__value.text}"))},
        (ids.by_node(), COUNT),
        width=10,
        sort=("Alerts",),
    ),
    style.table(
        "By namespace and workload",
        About(
            "The 20 workloads with most alerts in the time range. Empty names: alerts of the nodes themselves.",
            "the same names every day.",
            "a new name: follow it to its time line.",
        ),
        {"namespace": NAMESPACE, "workload": WORKLOAD},
        (ids.by_workload(), COUNT),
        width=10,
        sort=("Alerts",),
    ),
    style.timeseries(
        "Suppressed alerts",
        About(
            "Alerts at each step that a tuning entry suppressed, by rule and by the reason that the entry gives.",
            "steady.",
            "a step while nothing else moves: read the event lines of the rule, they are still written.",
        ),
        ids.suppressed(),
        unit="none",
        width=14,
        height=9,
        stacked=True,
    ),
)

BOARD = Board(
    "ids",
    "Threats / Intrusion detection",
    "What Falco saw, where and along which attack chain, and whether Falco sees at all.",
    (var.CLUSTER, var.NAMESPACE, var.WORKLOAD, var.NODE, var.RULE),
    (NOW, WHAT, WHERE, falco.ITSELF),
)
