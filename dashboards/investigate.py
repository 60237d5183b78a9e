"""One namespace, workload or pod on one time line: what every control saw of it, and what it did."""

from dashboards import style
from dashboards import variables as var
from dashboards.board import About, Board, Panel, link, row
from dashboards.colours import BAD, LOOK, NEUTRAL, PRIORITY, SEVERITY, VERDICT, WAYS
from dashboards.fields import Column
from dashboards.queries import Query
from dashboards.queries import investigate as ask


def _track(
    title: str,
    about: About,
    *queries: Query,
    unit: str,
    colours: dict[str, str] | None = None,
    limits: dict[float, str] | None = None,
    height: int = 6,
) -> Panel:
    """A graph across the board, on the same time line as those above and below: a legend is always beside it."""
    return style.timeseries(
        title,
        about,
        *queries,
        unit=unit,
        width=24,
        height=height,
        colours=colours,
        limits=limits,
        aligned=True,
        zeros=True,
    )


_WATCH = {name.upper(): hue for name, hue in VERDICT.items()}
_USUAL = {"usual at most": NEUTRAL}

SPOKE = row(
    "What spoke of $namespace / $workload / $pod",
    style.table(
        "Rules that spoke",
        About(
            "Falco's alerts in the time range, by rule, pod and node.",
            "none, or known ones.",
            "the tactics, read in their order, say how far the intruder is.",
        ),
        {
            "rule": Column(
                "Rule", width=420, to=link("investigate", "namespace", "workload", "pod", rule="${__value.text}")
            ),
            "priority": Column("Priority", terms=PRIORITY),
            "tactic": Column("Tactic"),
            "pod": Column(
                "Pod", width=320, to=link("investigate", "namespace", "workload", "rule", pod="${__value.text}")
            ),
            "hostname": Column("Node", to=link("ids", node="${__value.text}")),
        },
        (ask.rules(), Column("Alerts", decimals=0, bar=True)),
        width=24,
        height=8,
        sort=("Alerts",),
    ),
)

TRACKS = row(
    "On one time line",
    _track(
        "Controls at once",
        About(
            "How many controls spoke of the workload within 3 minutes of each other.",
            "0, or 1 for known noise.",
            "2 or more: take it for an attack until you know better. Read the tracks below at that time.",
        ),
        ask.controls(),
        unit="none",
        limits={1: LOOK, 2: BAD},
        height=4,
    ),
    _track(
        "IDS alerts",
        About(
            "Falco's alerts at each step of the graph, by severity.",
            "none, or rules that are known for this workload.",
            "read what ran: the event lines above, or the exporter's status page, have the command line.",
        ),
        *ask.alerts(),
        unit="none",
        colours=SEVERITY,
    ),
    _track(
        "Policy denials",
        About(
            "Connections a second that policy denied it, and denied others to it.",
            "none.",
            "egress right after an IDS alert is a call home; many targets are a scan: see the network board.",
        ),
        ask.denied_out(),
        ask.denied_in(),
        ask.quiet_network(),
        unit="eps",
        colours={
            "/^(egress|either way):/": WAYS["dropped egress"],
            "/^ingress:/": WAYS["dropped ingress"],
            "Hubble is on": NEUTRAL,
        },
    ),
    _track(
        "DNS",
        About(
            "DNS queries a second: all, denied ones, TXT ones; and the namespace's answers 'no such name'.",
            "even; TXT only for mail and certificates.",
            "TXT or 'no such name' in numbers is a tunnel or a generated name; denied names are in Hubble's flows.",
        ),
        ask.dns("queries"),
        ask.dns_denied(),
        ask.dns("TXT and NULL", qtypes="=~(.*,)?(TXT|NULL)(,.*)?"),
        ask.nxdomain(),
        unit="reqps",
        colours={**VERDICT, "queries": "#4FA3A5"},
    ),
    _track(
        "Flows to the world",
        About(
            "Flows a second that leave the cluster, by verdict.",
            "only if it has business outside.",
            "FORWARDED that rises with bytes sent below: data may be leaving; a policy can cut it now.",
        ),
        ask.to_world(),
        unit="eps",
        colours=_WATCH,
    ),
    _track(
        "Traffic",
        About(
            "Bytes a second that workloads send and receive; for a single one, what it sent the day before at most.",
            "below the grey line.",
            "above: to whom? See the flows to the world above.",
        ),
        ask.sent(),
        ask.sent_usual(),
        ask.received(),
        unit="Bps",
        colours={**_USUAL, "received": "#4FA3A5"},
    ),
    _track(
        "CPU",
        About(
            "Cores that workloads use; for a single one also what it used the day before at most.",
            "below the grey line.",
            "a plateau above it after an IDS alert: a miner. See what runs before you delete the pod.",
        ),
        ask.cpu(),
        ask.cpu_usual(),
        unit="none",
        colours=_USUAL,
    ),
)

WITHOUT_LOKI = """Event lines are what the exporter writes on its standard output (`events.log: true`).

**To have them here**, let Promtail, Alloy or the like collect the container `threatboard` into Loki, and choose that
data source above.

**Without Loki**, ask each replica for its recent events:

    kubectl -n NAMESPACE port-forward POD 9376
    curl 'http://127.0.0.1:9376/api/v1/events?since=1h&namespace=NAME'
"""

LINES = row(
    "Event lines",
    style.logs(
        "Event lines",
        About(
            "What the exporter wrote of each event: rule, pod, user, command, file or connection. A line opens to all.",
            "-",
            "no lines: see on the right how to get them.",
        ),
        ask.events_in_loki(),
        "the exporter's log (events.log: true), collected into Loki",
        width=17,
        height=9,
    ),
    style.text("Where event lines come from", WITHOUT_LOKI, width=7, height=9),
)

BOARD = Board(
    "investigate",
    "Threats / Investigate",
    "One namespace, workload or pod on one time line: what every control saw of it, and what it did.",
    (var.CLUSTER, var.NAMESPACE, var.WORKLOAD, var.POD, var.RULE),
    (SPOKE, LINES, TRACKS),
    span="now-1h",
    loki=True,
)
