"""Policy state: does policy reach every node, how fast, and what does it cover."""

from dashboards import style
from dashboards import variables as var
from dashboards.board import About, Board, row
from dashboards.colours import BAD, ENFORCEMENT, GOOD, LOOK, NEUTRAL, OVER_NODES, VERDICT
from dashboards.fields import STATES
from dashboards.queries import network, policy

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
        "Endpoints without policy",
        About(
            "Share of the endpoints on which no policy is enforced in any direction.",
            "what you have decided: 0 where every namespace has a default deny.",
            "rising: a new namespace without policy. 'Endpoints by enforcement' has the numbers.",
        ),
        policy.unenforced(),
        unit="percentunit",
        limits={0.1: LOOK, 0.5: BAD},
    ),
    style.stat(
        "Nodes' policies differ by",
        About(
            "Rules between the node with most and the one with fewest.",
            "0, but for seconds after a change.",
            "for minutes: see 'Policies per node' on the network board for import errors, then that agent's log.",
        ),
        policy.differing(),
        limits={1: BAD},
    ),
    style.stat(
        "Unreachable nodes",
        About(
            "Nodes that some agent cannot reach.",
            "0. 'not checked': health checking is turned off.",
            "see 'Unreachable by agent': one row is that node's fault, all rows are one node's.",
        ),
        policy.unreachable(),
        says={-1: ("not checked", NEUTRAL)},
        limits={1: BAD},
    ),
    style.bars(
        "Agents by version",
        About(
            "Cilium agents by version.",
            "one version; two during an upgrade.",
            "two for days: an upgrade has stopped half-way.",
        ),
        policy.versions(),
        width=8,
        height=4,
    ),
)

SPEED = row(
    "How policy gets there",
    style.timeseries(
        "Policy trigger duration",
        About(
            "Mean time of a policy update over 30 minutes: minimum, average and maximum over nodes."
            " Up to Cilium 1.16 of the trigger; since then the time until a change is applied, which is longer.",
            "well below a second.",
            "one node slow: it lacks CPU. All slow: too many identities or rules; see the regenerations below.",
        ),
        *policy.trigger_duration(),
        unit="s",
        width=10,
        area=True,
        zeros=True,
        colours=OVER_NODES,
    ),
    style.timeseries(
        "Policy trigger runs",
        About(
            "Policy updates a minute: minimum, average and maximum over nodes."
            " Up to Cilium 1.16 runs of the trigger; since then updates of the policy maps for new identities.",
            "low, with steps at deployments and policy changes.",
            "high without a deployment: something makes identities over and over, such as jobs with unique labels.",
        ),
        *policy.trigger_runs(),
        unit="opm",
        width=10,
        zeros=True,
        colours=OVER_NODES,
    ),
    style.tile(
        "Measured by",
        About(
            "Which metric the two panels on the left show: the trigger (up to 1.16) or its successor.",
            "either; during an upgrade the trigger is named while any agent has it.",
            "'no agents': Cilium is not scraped; whether it should be says the tile 'Cilium'.",
        ),
        policy.which_trigger(),
        {2: ("trigger (≤ 1.16)", NEUTRAL), 1: ("successor (≥ 1.17)", NEUTRAL), 0: ("no agents", NEUTRAL)},
        height=8,
    ),
    style.timeseries(
        "Endpoint regeneration",
        About(
            "Endpoints whose datapath was regenerated, a minute, by outcome; mean time of the slowest node right.",
            "no failures; steps at deployments.",
            "failed: that endpoint keeps its old policy; the agent's log names it.",
        ),
        policy.regenerations(),
        policy.regeneration_time(),
        unit="opm",
        colours={**VERDICT, "success": GOOD},
        right={"slowest node": "s"},
    ),
    style.timeseries(
        "Policy revision",
        About(
            "Revision of the policy repository since each agent's start: minimum, average and maximum over nodes.",
            "all lines step up together. Distances come from restarts and mean nothing.",
            "a line that stays flat while others step: that agent no longer gets policies.",
        ),
        *policy.revision(),
        unit="none",
        area=True,
        zeros=True,
        colours=OVER_NODES,
    ),
)

COVERS = row(
    "What it covers",
    style.bars(
        "Endpoints by enforcement",
        About(
            "Endpoints by the directions in which policy is enforced; audit ones are only watched.",
            "both for what serves customers; none only for what you have decided.",
            "none grows: label the namespace for your default-deny policy. audit grows: a policy was never armed.",
        ),
        policy.enforcement(),
        colours=ENFORCEMENT,
        width=12,
    ),
    style.timeseries(
        "Proxy redirects",
        About(
            "Redirects of endpoints to the L7 and DNS proxies: minimum, average and maximum over nodes; 0 where none.",
            "steady; nodes differ as their workloads do.",
            "a fall to 0: L7 and DNS rules are no longer enforced there. No data: no policy has such rules.",
        ),
        *policy.redirects(),
        unit="none",
        area=True,
        zeros=True,
        colours=OVER_NODES,
    ),
)

HEALTH = row(
    "Agents",
    style.timeseries(
        "BPF map pressure",
        About(
            "How full the maps of the fullest node are. Before 1.14: prometheus.metrics +cilium_bpf_map_pressure.",
            "below a half.",
            "over the line: new connections or policies will be refused; raise the map's size in Cilium's values.",
        ),
        policy.pressure(),
        unit="percentunit",
        limit=0.9,
    ),
    style.bars(
        "Unreachable by agent",
        About(
            "Nodes and health endpoints that each agent cannot reach.",
            "0 everywhere.",
            "see which end is at fault: cilium-health status on that node.",
        ),
        policy.unreachable_from(),
        width=6,
        limits={1: BAD},
    ),
    style.bars(
        "Failing controllers",
        About(
            "Controllers of each agent that fail.",
            "0; a short 1 is a retry.",
            "cilium-dbg status --all-controllers on that node names the controller and its error.",
        ),
        policy.controllers(),
        width=6,
        limits={1: LOOK, 3: BAD},
    ),
)

BOARD = Board(
    "policy",
    "Threats / Policy",
    "Does network policy reach every node, how fast, and what does it cover.",
    (var.CLUSTER, var.AGENT),
    (NOW, SPEED, COVERS, HEALTH),
)
