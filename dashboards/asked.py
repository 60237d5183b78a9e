"""The panels that were asked for by name, and where each is; `docs/boards.md` is written from it."""

from dataclasses import dataclass

from dashboards.board import Json

_ANY = "any"
_DROPS = "1.6 to 1.20; from 1.19 policyDenyResponse: icmp takes policy out of the egress ones"
_DNS = "1.6 to 1.20; only while a policy has DNS rules"


@dataclass(frozen=True)
class Asked:
    """A panel as it was asked for; `cilium` says with which versions it has data, and what differs.

    `form` is the kind of drawing that was asked for; `why` is the reason where the panel is another.
    """

    what: str
    board: str
    panel: str
    cilium: str = "does not matter"
    form: str = ""
    why: str = ""


ASKED = (
    Asked("Alerts over time, by minute", "ids", "Alerts over time", form="area"),
    Asked("Top 10 rules", "ids", "Top 10 rules", form="pie"),
    Asked("Alerts by priority", "ids", "By priority", form="pie"),
    Asked("Top 20 rules", "ids", "Top 20 rules", form="table"),
    Asked("Top 20 nodes", "ids", "By node", form="table"),
    Asked("Top 20 pods", "ids", "By pod", form="table"),
    Asked("Alerts by namespace and workload", "ids", "By namespace and workload"),
    Asked("Alerts by tactic along the attack chain", "ids", "Along the attack chain"),
    Asked("Event-to-detection delay", "ids", "Detection delay"),
    Asked("Suppressed alerts", "ids", "Suppressed alerts"),
    Asked("Falco's health and drops", "ids", "Falco by node"),
    Asked("Drift of the rule files", "ids", "Versions of the rule files"),
    Asked("Dropped egress packets by reason", "network", "Dropped egress packets", _DROPS, form="stacked lines"),
    Asked("Dropped egress traffic by reason", "network", "Dropped egress traffic", _DROPS, form="stacked lines"),
    Asked(
        "Dropped ingress packets by reason", "network", "Dropped ingress packets", "1.6 to 1.20", form="stacked lines"
    ),
    Asked(
        "Dropped ingress traffic by reason", "network", "Dropped ingress traffic", "1.6 to 1.20", form="stacked lines"
    ),
    Asked("L7 requests forwarded and denied", "network", "L7 requests", "1.6 to 1.20", form="stacked lines"),
    Asked("Proxy response time, average", "network", "Proxy response time, average", _DNS, form="stacked lines"),
    Asked(
        "Proxy response time, maximum",
        "network",
        "Proxy response time, maximum",
        _DNS,
        form="stacked lines",
        why="the slowest node is another for each part: a stack's height would be nobody's time",
    ),
    Asked(
        "Policies per node, min/avg/max, with import errors",
        "network",
        "Policies per node",
        "1.9 to 1.20; errors from cilium_policy_import_errors_total up to 1.13, from cilium_policy_change_total since",
        form="stacked lines",
        why="minimum, average and maximum are of the same rules: their sum is of nothing",
    ),
    Asked(
        "Denials by namespace and workload",
        "network",
        "Denied by workload",
        "1.13 to 1.20 with labelsContext; up to 1.12 one line for the whole cluster",
    ),
    Asked(
        "Verdicts by direction and match",
        "network",
        "Verdicts other than forwarded",
        "1.13 to 1.20; up to 1.12 dropped flows by protocol",
    ),
    Asked(
        "DNS: rate, denied, NXDOMAIN",
        "network",
        "DNS",
        "1.12 to 1.20; denied ones are responses up to 1.12, queries since",
    ),
    Asked("Flows to the world", "network", "Flows to the world", "1.12 to 1.20; workloads since 1.13"),
    Asked(
        "Policy trigger duration, min/avg/max",
        "policy",
        "Policy trigger duration",
        "trigger up to 1.16; since 1.17 its successor, the time until a change is applied",
        form="area",
    ),
    Asked(
        "Policy trigger runs per minute, min/avg/max",
        "policy",
        "Policy trigger runs",
        "trigger up to 1.16; since 1.17 updates of the policy maps",
    ),
    Asked("Endpoints by enforcement status", "policy", "Endpoints by enforcement", "1.6 to 1.20", form="bars"),
    Asked("Proxy redirects, min/avg/max", "policy", "Proxy redirects", "1.6 to 1.20", form="area"),
    Asked("Policy revision, min/avg/max", "policy", "Policy revision", "1.6 to 1.20", form="area"),
    Asked("Endpoint regeneration", "policy", "Endpoint regeneration", "1.9 to 1.20"),
    Asked("Map pressure", "policy", "BPF map pressure", "1.10 to 1.20; up to 1.13 turned on by prometheus.metrics"),
    Asked("Agents by version", "policy", "Agents by version", "1.7 to 1.20"),
    Asked("Unreachable nodes", "policy", "Unreachable by agent", "1.6 to 1.20, unless health checking is off"),
    Asked("WAF: requests in all", "waf", "Requests"),
    Asked("WAF: share of the requests that is anomalous", "waf", "Anomalous"),
    Asked("WAF: blocked and detected over time", "waf", "Blocked and let through"),
    Asked("WAF: by class of attack", "waf", "By class of attack"),
    Asked("WAF: detected and not blocked", "waf", "Let through"),
    Asked("WAF: top rules", "waf", "Top rules"),
    Asked("WAF: top workloads", "waf", "Top workloads"),
    Asked("WAF: top client networks", "waf", "Top client networks"),
    Asked("WAF: likely false positives, with the exclusion", "waf", "Likely false positives"),
    Asked("WAF: what the engine does", "waf", "Engine"),
    Asked("WAF: share of inferred verdicts", "waf", "Inferred verdicts"),
    Asked("Is each control on, by node", "overview", "Controls by node", _ANY),
    Asked("What is happening now, by control", "overview", "Events by control", _ANY),
    Asked("Who is hit, with the correlated score", "overview", "Who is hit", _ANY),
    Asked("Firing alerts", "overview", "Firing now", _ANY),
    Asked("What changed since yesterday", "overview", "Since yesterday", _ANY),
)

_HEAD = """<!-- Generated by `python -m dashboards`; edit dashboards/ instead. -->
# Boards

For Grafana 11, 12 and 13, linked to each other with time and variables kept. The chart installs them; by hand, import
the files of `helm/threatboard/files/dashboards` (the data source is chosen in the board).

| board | answers |
|---|---|
"""

_PICTURES = """
![The overview during an attack](images/overview.png)

The pictures in `images/` show an attack. They are drawn with Grafana's own interface components from a real Prometheus,
without a Grafana server: frames, graphs, tables, units and colours are Grafana's; pies and heatmaps are drawn after it.

What has no data says what would have to be turned on; "none" is a 0 or a sentence. Whether something missing is a gap
or a choice is what `controls` in threatboard's configuration says: the tiles at the top of each board read it.

Falco's alerts and the WAF's events are counted exactly: recordings hold how many there were in each whole minute and in
the running one, so one alert is 1 on every panel from the first evaluation of the rules that knows it (one scrape later
than the alert, two where it is the first of its kind). The recordings are to be evaluated every minute at least.
Denials of the network are spread over five minutes. Minimum, average and maximum are over nodes: first one value for
each, then the three of them.

A WAF's records know only requests in which it found something. How many there were in all is asked of whoever counts
them: the WAF's filter in Envoy (`waf_filter_tx_total`), else ingress-nginx, Istio or Envoy; or it is "unknown".

Queries to Prometheus are run by the tests on a real one. The event lines' LogQL was run, outside these tests, by the
parser and the pipeline of Loki 3.7.1 (`github.com/grafana/loki/v3/pkg/logql/syntax`) over lines of the exporter;
the tests hold it to that shape.

Three pictures are told apart: nothing happened (0, in no colour), the rules are not loaded (a sentence, or "no rules"
in orange), and nobody is asked ("no data" in red: the exporter, or the control, is not scraped).

## What was asked for

`$cluster`, `$namespace`, `$agent` and the like are the boards' variables. A panel with several queries is listed with
its first.

| asked for | as | board | panel | got | why it differs | Cilium | query |
|---|---|---|---|---|---|---|---|
"""


def page(documents: dict[str, Json]) -> str:
    """docs/boards.md; `documents` has the boards' JSON by name."""
    text = _HEAD
    for name, document in documents.items():
        text += f"| {name} | {document['description']} |\n"
    text += _PICTURES
    for asked in ASKED:
        panel = next(panel for panel in documents[asked.board]["panels"] if panel["title"] == asked.panel)
        query = panel["targets"][0]["expr"].replace("|", "\\|")
        told = (asked.what, asked.form or "any", asked.board, asked.panel, form(panel), asked.why or "–", asked.cilium)
        text += f"| {' | '.join(told)} | `{query}` |\n"
    return text


_KINDS = {"piechart": "pie", "bargauge": "bars"}


def form(panel: Json) -> str:
    """How a panel draws, in the words of those who ask for one."""
    if panel["type"] != "timeseries":
        return str(_KINDS.get(panel["type"], panel["type"]))
    custom = panel["fieldConfig"]["defaults"]["custom"]
    if custom["stacking"]["mode"] == "normal":
        return "stacked lines (area)"
    return "area" if custom["fillOpacity"] else "lines"
