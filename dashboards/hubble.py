"""Who was stopped, as Hubble tells it: the last row of the board about the network."""

from dashboards import style
from dashboards.board import About, link, row
from dashboards.colours import BAD, VERDICT
from dashboards.fields import Column
from dashboards.queries import network

_WHO = Column(
    "From workload", to=link("investigate", namespace='${__data.fields["From namespace"]}', workload="${__value.raw}")
)

STOPPED = row(
    "Who was stopped (Hubble)",
    style.timeseries(
        "Denied by workload",
        About(
            "Denials a second by who tried. Events of Hubble, not packets. Before Cilium 1.13 one line without names.",
            "next to nothing.",
            "follow the workload in the table below to its time line: is it a new policy, or a new behaviour?",
        ),
        network.denied_by_workload(),
        unit="eps",
    ),
    style.timeseries(
        "Verdicts other than forwarded",
        About(
            "Policy verdicts a second by direction, what was done and what matched; match none is the default deny.",
            "audit only where you try a policy out.",
            "dropped with match none: nothing allows it. l7/dns, l7/http: a name or a request was refused.",
        ),
        network.verdicts(),
        network.verdicts_before(),
        unit="eps",
    ),
    style.table(
        "Denied connections",
        About(
            "Denials in the time range: who tried, whom, in which direction. Outside: of the cluster or any pod.",
            "few lines that you know.",
            "a client of yours: a policy is missing. Anything else: follow it to its time line.",
        ),
        {
            "source_namespace": Column("From namespace", none="", to=link("investigate", namespace="${__value.raw}")),
            "source_workload": _WHO,
            "destination_namespace": Column("To namespace"),
            "destination_workload": Column("To workload"),
            "traffic_direction": Column("Direction"),
        },
        (network.denials(), Column("Denials", decimals=0, bar=True)),
        width=24,
        sort=("Denials",),
    ),
    style.timeseries(
        "DNS",
        About(
            "DNS queries a second, those that policy denied, and on the right the share of answers 'no such name'.",
            "no denials; a third of the answers 'no such name' is usual, because of search domains.",
            "denied names: the strongest single sign, see who asks. A share near 1: a scan or a tunnel.",
        ),
        network.dns_queries(),
        network.dns_denied(),
        network.dns_nxdomain(),
        unit="reqps",
        colours=VERDICT,
        right={"NXDOMAIN share": "percentunit"},
    ),
    style.timeseries(
        "DNS queries by workload",
        About(
            "DNS queries a second of the ten that ask most.",
            "in proportion to their work.",
            "a workload that jumps: a tunnel, a scan, or a broken resolver; follow it to its time line.",
        ),
        network.dns_by_workload(),
        unit="reqps",
    ),
    style.timeseries(
        "Flows to the world",
        About(
            "Flows a second that leave the cluster, by who sends them and the verdict.",
            "only what has business outside.",
            "a workload that never went out: follow it to its time line; its traffic is there too.",
        ),
        network.to_world(),
        unit="eps",
        width=24,
        colours={"/DROPPED$/": BAD},
    ),
)
