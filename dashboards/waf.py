"""Web firewall: what it found in how many requests, what it blocked, what it let through, and what may be no attack."""

from dashboards import style
from dashboards import variables as var
from dashboards.board import About, Board, link, row
from dashboards.colours import BAD, GOOD, LOOK, NEUTRAL, PRIORITY, WAF_VERDICT
from dashboards.fields import STATES, Column, Says
from dashboards.ids import PLACE
from dashboards.queries import health, waf

MODES: Says = {
    0: ("no record", NEUTRAL),
    1: ("blocks", GOOD),
    2: ("detects only", LOOK),
    3: ("DETECTS ONLY", BAD),
    4: ("both", LOOK),
    5: ("not told", NEUTRAL),
}
NOBODY_COUNTS: Says = {waf.UNKNOWN: ("unknown", NEUTRAL)}
NAMESPACE = Column("Namespace", none="", width=110, to=link("investigate", namespace="${__value.raw}"))
WORKLOAD = Column("Workload", none="(host not mapped)", width=140, to=PLACE)
RULE = Column("Rule", width=90)
CLASS = Column("Class", width=110)
HOST = Column("Host")
SEVERITY = Column("Severity", terms=PRIORITY, width=100)
BLOCKED = Column("Blocked", decimals=0, width=90)
THROUGH = Column("Let through", decimals=0, limits={1: BAD}, width=110)

NOW = row(
    "Now",
    style.tile(
        "WAF",
        About(
            "Whether the WAF's events come in.",
            "on. 'not expected' means that controls.waf is false in threatboard's configuration: a choice.",
            "MISSING: send one attack yourself, then look at the audit log and its shipper: the page of WafSilent.",
        ),
        health.waf_is_on(),
        STATES,
        width=3,
    ),
    style.tile(
        "Engine",
        About(
            "What the records of the last hour say that the engine does with attacks.",
            "blocks; or 'detects only' while the WAF is new, and waf.blocking is false.",
            "DETECTS ONLY: it is expected to block (waf.blocking) and does not. 'both': a part of it does not.",
        ),
        waf.mode(),
        MODES,
        width=4,
    ),
    style.stat(
        "Requests",
        About(
            "All requests in the time range, whoever counts them: the WAF's filter in Envoy (waf_filter_tx_total), else"
            " ingress-nginx, else Istio, else Envoy. A WAF's records know only requests in which it found something.",
            "your usual traffic. 'unknown': none of these is scraped.",
            "unknown: scrape the metrics of your ingress or mesh.",
        ),
        waf.requests(),
        says=NOBODY_COUNTS,
        width=4,
    ),
    style.stat(
        "Anomalous",
        About(
            "Which share of all requests of the cluster the WAF found something in, blocked or not.",
            "well below 1 % for an application with customers.",
            "a jump: a scan, or a rule that customers set off. See by class, and 'Likely false positives'.",
        ),
        waf.anomalous(),
        unit="percentunit",
        says=NOBODY_COUNTS,
        limits={0.05: LOOK},
        width=3,
    ),
    style.stat(
        "Attacks in the time range",
        About(
            "Requests in which the WAF found something: blocked, detected (let through), and of these the ones of a"
            " rule of critical severity or above.",
            "many blocked, few detected, none of them critical where the WAF blocks.",
            "critical and let through: see the table 'Let through', and what the application answered.",
        ),
        waf.of_verdict("blocked"),
        waf.of_verdict("detected"),
        waf.let_through(),
        colours={**WAF_VERDICT, "critical, let through": BAD},
        width=7,
    ),
    style.stat(
        "Inferred verdicts",
        About(
            "Share of the events whose record does not say what became of the request, so that it was inferred.",
            "0 % with Coraza and with ModSecurity since 3.0.16; 100 % with older ones.",
            "bring ModSecurity up to date; until then a redirect may read as let through.",
        ),
        waf.inferred(),
        unit="percentunit",
        says={-1: ("no events", NEUTRAL)},
        width=3,
    ),
)

WHAT = row(
    "What happened",
    style.timeseries(
        "Blocked and let through",
        About(
            "Requests at each step of the graph in which the WAF found something, by what became of them.",
            "a low, ragged line of blocked ones: the internet knocks.",
            "let through rising with blocked flat: an attack that the rules know and the WAF does not stop.",
        ),
        waf.over_time(),
        unit="none",
        zeros=True,
        colours=WAF_VERDICT,
    ),
    style.timeseries(
        "By class of attack",
        About(
            "The same by what the rule is about, in whole minutes.",
            "scanner, protocol and lfi, all day.",
            "one class alone that rises is a campaign, or one rule that customers set off.",
        ),
        waf.classes_over_time(),
        unit="none",
        stacked=True,
    ),
    style.table(
        "Let through",
        About(
            "What the WAF found and did not block, by rule and host: the 20 with most.",
            "nothing of severity critical, where the WAF blocks.",
            "red: find the events in the log or on the status page, and see what the application answered.",
        ),
        {
            "rule_id": RULE,
            "class": CLASS,
            "severity": SEVERITY,
            "host": HOST,
            "namespace": NAMESPACE,
            "workload": WORKLOAD,
        },
        (waf.not_blocked(), THROUGH),
        width=16,
        sort=("Let through",),
    ),
    style.pie(
        "Classes",
        About(
            "Requests in the time range in which the WAF found something, by what the rule is about.",
            "the classes that scanners try everywhere.",
            "sqli, rce or java in front: see the rules below, and whether anything came through.",
        ),
        waf.by_class(),
        width=8,
        height=9,
    ),
)

WHERE = row(
    "By which rule, against whom, from where",
    style.table(
        "Top rules",
        About(
            "The 20 rules with most events in the time range.",
            "rules that you know.",
            "most of one rule is let through: its score stays below the WAF's limit, or its location only detects.",
        ),
        {"rule_id": RULE, "class": CLASS, "severity": SEVERITY},
        (waf.rules("blocked"), BLOCKED),
        (waf.rules("detected"), THROUGH),
        width=8,
        sort=("Blocked", "Let through"),
    ),
    style.table(
        "Top workloads",
        About(
            "The 20 workloads and hosts with most events. Hosts that no key of waf.hosts fits are nobody's.",
            "the hosts that are known on the internet.",
            "let through: follow the workload to its time line.",
        ),
        {"namespace": NAMESPACE, "workload": WORKLOAD, "host": HOST},
        (waf.workloads("blocked"), BLOCKED),
        (waf.workloads("detected"), THROUGH),
        width=10,
        sort=("Blocked", "Let through"),
    ),
    style.table(
        "Top client networks",
        About(
            "The 20 networks of clients with most events; counted only with waf.client_networks.",
            "many networks with a few events each.",
            "one far ahead: block it at the edge, before the WAF.",
        ),
        {"client_network": Column("Network"), "verdict": Column("Verdict", terms=WAF_VERDICT, width=90)},
        (waf.clients(), Column("Events", decimals=0, width=80)),
        width=6,
        sort=("Events",),
    ),
)

TUNE = row(
    "What may be no attack, and what the WAF says of itself",
    style.table(
        "Likely false positives",
        About(
            "Rules that speak of one host in most minutes of the time range. An attack comes in bursts and sets off"
            " many rules; one that speaks all day, nearly alone, is rather an application that looks like an attack.",
            "few minutes, for every rule.",
            "read some of its events. If they are customers, paste the exclusion into a SecRule for that path, with the"
            " parameter's NAME from the events; or tune it here: 'A rule of the WAF' in first-response.md.",
        ),
        {
            "rule_id": RULE,
            "class": CLASS,
            "severity": SEVERITY,
            "host": HOST,
            "namespace": NAMESPACE,
            "workload": WORKLOAD,
            "exclusion": Column("Exclusion", width=330),
        },
        (waf.steady(), Column("Minutes", decimals=0, width=80)),
        (waf.steady_events(), Column("Events", decimals=0, width=80)),
        (waf.steady_company(), Column("Rules at this host", decimals=0, width=130)),
        width=24,
        sort=("Minutes",),
    ),
    style.timeseries(
        "Records by engine and mode",
        About(
            "Audit records at each step, also of requests in which nothing was found, by what the engine does.",
            "one mode for each engine.",
            "a second mode: a part of the WAF is configured otherwise. No records at all: see WafSilent.",
        ),
        waf.records(),
        unit="none",
    ),
    style.timeseries(
        "Suppressed WAF events",
        About(
            "Events at each step that a tuning entry suppressed, by rule and by the reason that the entry gives.",
            "steady.",
            "a step while nothing else moves: an entry is too wide, or somebody hides behind it.",
        ),
        waf.suppressed(),
        unit="none",
        stacked=True,
    ),
)

BOARD = Board(
    "waf",
    "Threats / Web firewall",
    "What the WAF found in how many requests, what it blocked and what it let through, and what may be no attack.",
    (var.CLUSTER, var.NAMESPACE, var.WORKLOAD),
    (NOW, WHAT, WHERE, TUNE),
)
