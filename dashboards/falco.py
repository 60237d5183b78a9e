"""Does Falco see everything? The last row of the board about intrusion detection."""

from dashboards import style
from dashboards.board import About, link, row
from dashboards.colours import BAD, LOOK
from dashboards.fields import NO_DATA, Column
from dashboards.queries import ids

ITSELF = row(
    "Does Falco see everything?",
    style.table(
        "Falco by node",
        About(
            "When each node was last heard, how much it sees, and what it lost.",
            "a snapshot younger than its interval, no losses. A quiet node has an old last event: that is fine.",
            "old snapshot: Falco is down or cut off there. Losses: raise buf_size_preset or drop noisy rules.",
        ),
        {"hostname": Column("Node", to=link("ids", node="${__value.text}"))},
        (ids.last_event(), Column("Last event", unit="s", decimals=0)),
        (ids.last_snapshot(), Column("Last snapshot", unit="s", decimals=0, limits={900: BAD}, none=NO_DATA)),
        (ids.syscalls(), Column("System calls", unit="cps", none=NO_DATA)),
        (ids.lost(), Column("Lost in 15 min", unit="percentunit", decimals=2, limits={0.01: BAD}, none=NO_DATA)),
        (ids.drop_messages(), Column("Drop messages", decimals=0, limits={1: BAD}, none="0")),
        width=14,
        sort=("Last snapshot",),
    ),
    style.heatmap(
        "Detection delay",
        About(
            "How many events took how long from the kernel to us.",
            "all in the lowest rows.",
            "a cloud that climbs: events are queued on the way, so alerts come late.",
        ),
        ids.delays(),
        unit="s",
        width=10,
        height=9,
    ),
    style.timeseries(
        "System calls that Falco lost",
        About(
            "Share of the system calls that Falco lost within 15 minutes, by node, and by Falco's own metrics.",
            "0. The line marks one in a hundred.",
            "what is lost is not seen: find what makes so many calls, raise the buffers, or give Falco more CPU.",
        ),
        ids.lost(),
        ids.lost_by_falco(),
        unit="percentunit",
        limit=0.01,
    ),
    style.timeseries(
        "Events accepted and rejected",
        About(
            "Events at each step of the graph that the exporter took, and those that it refused, by reason.",
            "no rejections.",
            "the exporter's status page and log name the sender and the fault; 'not_json' is json_output: false.",
        ),
        ids.accepted(),
        ids.rejected(),
        unit="none",
    ),
    style.table(
        "Versions of the rule files",
        About(
            "Which version of each rule file how many Falcos have.",
            "one line for each file, with as many Falcos as there are nodes.",
            "two lines for a file: some nodes still have old rules; restart Falco there or look at its sidecar.",
        ),
        {"file_name": Column("File", width=300), "version": Column("SHA-256", width=180)},
        (ids.rule_files(), Column("Falcos", decimals=0)),
        width=10,
        height=7,
        sort=("File",),
    ),
    style.timeseries(
        "Alerts lost in Falco's queue",
        About(
            "Alerts at each step of the graph that Falco threw away because an output was slower than its alerts.",
            "0.",
            "find the slow output in Falco's log; raise outputs_queue.capacity or take the output away.",
        ),
        ids.queue_drops(),
        unit="none",
        width=7,
        height=7,
    ),
    style.bars(
        "Room for series",
        About(
            "Series that the exporter holds, as a share of series.limit.",
            "below a half.",
            "near full: what is new is counted as 'other'; raise the limit or turn pod labels off.",
        ),
        ids.fullness(),
        unit="percentunit",
        width=7,
        height=7,
        limits={0.8: LOOK, 1.0: BAD},
        most=1,
    ),
)
