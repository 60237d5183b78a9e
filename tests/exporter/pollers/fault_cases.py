"""Clusters for every fault of the catalog: some that have it, some that have not, some of which nothing can be said."""

from typing import Any, NamedTuple

import yaml

from exporter.pollers.coverage.cluster import Cluster, Settings, assemble
from exporter.pollers.coverage.resources import RESOURCES, config_maps
from tests.support.objects import Raw, config_map, daemon_set, ingress, meta, namespace, pod

Objects = dict[str, list[Raw]]
"""Objects by resource."""

PLACES = {"falco": "security/falco", "cilium": "kube-system/cilium-config"}
READ = {one.name: one.read for one in (*RESOURCES, *config_maps(PLACES))}

FALCO = {"app.kubernetes.io/name": "falco"}
CILIUM = {"k8s-app": "cilium"}
OURS = {"app.kubernetes.io/name": "threatboard"}

SETTINGS = Settings(
    agents={"falco": "app.kubernetes.io/name=falco", "cilium": "k8s-app=cilium"},
    configmaps=PLACES,
    receiver="monitoring/threatboard",
    expected=frozenset({"ids", "network", "hubble", "waf"}),
    drill_namespace="threatboard-drill",
    fits_host=lambda host: host == "shop.example.com",
)


def cluster(objects: Objects, lacking: str = "") -> Cluster:
    """A cluster with these objects, of which everything is known but `lacking`."""
    usable = frozenset(READ) - {lacking}
    return assemble(
        usable,
        lambda *names: [READ[name](one) for name in names if name in usable for one in objects.get(name, ())],
    )


def falco(**changed: Any) -> Objects:
    """Falco's own configuration, right but for what is changed; None takes a key out."""
    settings: dict[str, Any] = {
        "json_output": True,
        "http_output": {"enabled": True, "url": "http://threatboard.monitoring:2801/falco"},
        "metrics": {"enabled": True, "output_rule": True},
    }
    settings |= changed
    text = yaml.safe_dump({key: value for key, value in settings.items() if value is not None})
    return {"configmaps/falco": [config_map("falco", "security", {"falco.yaml": text})]}


def sends_to(url: str) -> Objects:
    return falco(http_output={"enabled": True, "url": url})


DROP = "labelsContext=source_namespace,source_workload,destination_namespace,destination_workload,traffic_direction"


def cilium(**changed: str | None) -> Objects:
    settings: dict[str, str | None] = {
        "enable-policy": "default",
        "policy-audit-mode": "false",
        "enable-hubble": "true",
        "hubble-metrics": f"dns:query drop:{DROP} policy:sourceContext=workload-name",
        "prometheus-serve-addr": ":9962",
    }
    settings |= {key.replace("_", "-"): value for key, value in changed.items()}
    data = {key: value for key, value in settings.items() if value is not None}
    return {"configmaps/cilium": [config_map("cilium-config", "kube-system", data)]}


def agent(labels: dict[str, str], **spec: Any) -> Objects:
    return {"daemonsets": [daemon_set("agent", "security", labels, **spec)]}


def named(variable: str) -> dict[str, Any]:
    source = {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return {"containers": [{"name": "falco", "env": [{"name": "A", "value": "b"}, {"name": variable, **source}]}]}


def revisions(*found: str) -> Objects:
    pods = [
        pod(f"falco-{at}", "security", {"controller-revision-hash": one}, owner=("DaemonSet", "agent"))
        for at, one in enumerate(found)
    ]
    return agent(FALCO) | {"pods": pods}


def hosts(*names: str) -> Objects:
    return {"ingresses": [ingress(f"a{at}", name, "web") for at, name in enumerate(names)]}


HERE = [namespace("monitoring", team="ops"), namespace("shop")]


def operated(server: str, resource: str, spec: Raw, labels: dict[str, str], place: str = "monitoring") -> Objects:
    """A server of the operator in `monitoring`, and an object of ours."""
    inner: Raw = {"route": {"receiver": "chat"}, "receivers": [{"name": "chat", "slackConfigs": [{}]}]}
    return {
        "namespaces": HERE,
        server: [{"metadata": meta("main", "monitoring"), "spec": spec}],
        resource: [{"metadata": meta("threatboard", place, OURS | labels), "spec": inner}],
    }


def rules(spec: Raw, labels: dict[str, str], place: str = "monitoring") -> Objects:
    return operated("prometheuses", "prometheusrules", spec, labels, place)


def monitors(spec: Raw, labels: dict[str, str], place: str = "monitoring") -> Objects:
    return operated("prometheuses", "servicemonitors", spec, labels, place)


def routes(spec: Raw, labels: dict[str, str], place: str = "monitoring") -> Objects:
    return operated("alertmanagers", "alertmanagerconfigs", spec, labels, place)


def led(route: Raw, *receivers: Raw, spec: Raw | None = None, labels: dict[str, str] = OURS) -> Objects:
    config = {"route": route, "receivers": [*receivers]}
    return {
        "namespaces": HERE,
        "alertmanagers": [{"metadata": meta("main", "monitoring"), "spec": spec or {"alertmanagerConfigSelector": {}}}],
        "alertmanagerconfigs": [{"metadata": meta("routes", "monitoring", labels), "spec": config}],
    }


STACK = {"matchLabels": {"release": "stack"}}
CHAT = {"name": "chat", "slackConfigs": [{"channel": "#alerts"}]}
NULL = {"name": "null"}
CRITICAL = {"receiver": "chat", "matchers": [{"name": "severity", "value": "crit.*", "matchType": "=~"}]}
NOT_CRITICAL = {"receiver": "null", "matchers": [{"name": "severity", "value": "critical"}]}
GOES_ON = {"receiver": "null", "continue": True}


def without(objects: Objects, resource: str) -> Objects:
    return {name: found for name, found in objects.items() if name != resource}


class Case(NamedTuple):
    """Clusters by what is to be said of them; `needs` is a resource without which nothing is."""

    there: list[Objects]
    not_there: list[Objects]
    unknown: list[Objects]
    needs: str


BROKEN_TAGS = ('int ""', "bool x", "timestamp x")
"""Values at which the reader of YAML fails in a way of its own each."""

NO_FALCO: list[Objects] = [
    {},
    {"configmaps/falco": [config_map("falco", "security", {})]},
    {"configmaps/falco": [config_map("falco", "security", {"falco.yaml": "a: [b"})]},
    *({"configmaps/falco": [config_map("falco", "security", {"falco.yaml": f"a: !!{tag}"})]} for tag in BROKEN_TAGS),
    {"configmaps/falco": [config_map("falco", "elsewhere", {"falco.yaml": "json_output: false"})]},
]

CASES = {
    "falco_not_found": Case([{}, agent(CILIUM)], [agent(FALCO)], [], "daemonsets"),
    "http_output_off": Case(
        [falco(http_output=None), falco(http_output={"enabled": False})],
        [falco()],
        [*NO_FALCO, falco(http_output=None, program_output={"enabled": True})],
        "configmaps/falco",
    ),
    "http_output_elsewhere": Case(
        [
            sends_to("http://other.monitoring:2801/falco"),
            sends_to("http://threatboard:2801/falco"),
            sends_to("http://threatboard.monitoring.example.com/"),
            sends_to("http://[broken"),
            sends_to(""),
        ],
        [
            falco(),
            sends_to("http://threatboard.monitoring.svc:2801/"),
            sends_to("https://threatboard.monitoring.svc.cluster.local:2801/falco"),
            sends_to("http://threatboard.monitoring.svc.of.our.own:2801"),
        ],
        [*NO_FALCO, falco(http_output={"enabled": False}), sends_to("http://falco-falcosidekick:2801")],
        "configmaps/falco",
    ),
    "json_output_off": Case(
        [falco(json_output=None), falco(json_output=False)], [falco()], NO_FALCO, "configmaps/falco"
    ),
    "output_fields_off": Case(
        [falco(json_include_output_fields_property=False)],
        [falco(), falco(json_include_output_fields_property=True)],
        NO_FALCO,
        "configmaps/falco",
    ),
    "tags_off": Case([falco(json_include_tags_property=False)], [falco()], NO_FALCO, "configmaps/falco"),
    "metrics_snapshots_off": Case(
        [falco(metrics=None), falco(metrics={"enabled": True}), falco(metrics={"output_rule": True})],
        [falco()],
        NO_FALCO,
        "configmaps/falco",
    ),
    "hostname_not_node": Case(
        [agent(FALCO), agent(FALCO, **named("OTHER_NAME"))],
        [agent(FALCO, **named("FALCO_HOSTNAME"))],
        [{}, agent(CILIUM)],
        "daemonsets",
    ),
    "falco_revisions_differ": Case([revisions("a", "b")], [revisions("a", "a"), revisions()], [{}], "pods"),
    "cilium_not_found": Case([{}, agent(FALCO)], [agent(CILIUM)], [], "daemonsets"),
    "metrics_off": Case(
        [cilium(prometheus_serve_addr=None), cilium(prometheus_serve_addr="")], [cilium()], [{}], "configmaps/cilium"
    ),
    "policy_audit_mode": Case(
        [cilium(policy_audit_mode="true")], [cilium(), cilium(policy_audit_mode=None)], [{}], "configmaps/cilium"
    ),
    "enforcement_never": Case(
        [cilium(enable_policy="never")], [cilium(), cilium(enable_policy="always")], [{}], "configmaps/cilium"
    ),
    "hubble_off": Case(
        [cilium(enable_hubble="false"), cilium(enable_hubble=None)], [cilium()], [{}], "configmaps/cilium"
    ),
    "hubble_metrics_missing": Case(
        [cilium(hubble_metrics=None), cilium(hubble_metrics="drop policy"), cilium(hubble_metrics="dns drop")],
        [cilium(), cilium(hubble_metrics="dns:query\ndrop\npolicy flow")],
        [{}, cilium(enable_hubble="false"), cilium(hubble_dynamic_metrics_config_path="/etc/x")],
        "configmaps/cilium",
    ),
    "hubble_labels_missing": Case(
        [
            cilium(hubble_metrics="drop"),
            cilium(hubble_metrics="drop:sourceContext=pod"),
            cilium(hubble_metrics="drop:labelsContext=source_namespace,source_workload"),
        ],
        [cilium(), cilium(hubble_metrics=f"drop:sourceContext=pod;{DROP},source_pod")],
        [{}, cilium(hubble_metrics="dns policy"), cilium(enable_hubble="false")],
        "configmaps/cilium",
    ),
    "waf_hosts_missing": Case(
        [hosts("new.example.com"), hosts("shop.example.com", "*.example.org")],
        [{}, hosts("shop.example.com"), {"ingresses": [ingress("a", None, "web")]}],
        [],
        "ingresses",
    ),
    "rules_not_selected": Case(
        [
            rules({}, {}),
            rules({"ruleSelector": STACK}, {}),
            rules({"ruleSelector": {}}, {}, "shop"),
            rules({"ruleSelector": {}, "ruleNamespaceSelector": {"matchLabels": {"team": "ops"}}}, {}, "shop"),
            rules({"ruleSelector": {}, "ruleNamespaceSelector": {}}, {}, "a-namespace-that-is-gone"),
        ],
        [
            rules({"ruleSelector": {}}, {}),
            rules({"ruleSelector": STACK}, {"release": "stack"}),
            rules({"ruleSelector": {}, "ruleNamespaceSelector": {}}, {}, "shop"),
        ],
        [
            {},
            {"namespaces": HERE, "prometheuses": rules({}, {})["prometheuses"]},
            {"prometheusrules": rules({}, {})["prometheusrules"]},
        ],
        "prometheusrules",
    ),
    "monitor_not_selected": Case(
        [monitors({}, {}), monitors({"ruleSelector": {}}, {})],
        [monitors({"serviceMonitorSelector": {}}, {})],
        [{}],
        "servicemonitors",
    ),
    "route_not_selected": Case(
        [routes({}, {}), routes({"alertmanagerConfigSelector": STACK}, {})],
        [routes({"alertmanagerConfigSelector": {}}, {})],
        [{}, led({"receiver": "chat"}, CHAT, labels={})],
        "alertmanagerconfigs",
    ),
    "route_missing": Case(
        [
            led({"receiver": "null"}, NULL, CHAT),
            led({"receiver": "chat"}, {"name": "chat", "slackConfigs": []}),
            led({"receiver": "nobody"}, CHAT),
            led({"receiver": "chat", "matchers": [{"name": "team", "value": "red"}]}, CHAT),
            led(
                {
                    "receiver": "chat",
                    "routes": [NOT_CRITICAL],
                },
                CHAT,
                NULL,
            ),
            led({"receiver": "null"}, NULL, spec={"alertmanagerConfiguration": {"name": "routes"}}, labels={}),
        ],
        [
            led({"receiver": "chat"}, CHAT),
            led({"receiver": "chat"}, CHAT, labels={}),
            led(
                {
                    "receiver": "null",
                    "routes": [
                        {"receiver": "chat", "matchers": [{"name": "severity", "value": "crit.*", "matchType": "=~"}]}
                    ],
                },
                CHAT,
                NULL,
            ),
            led(
                {"receiver": "null", "routes": [GOES_ON, {"receiver": "chat"}]},
                CHAT,
                NULL,
            ),
            led({"receiver": "chat"}, CHAT, spec={"alertmanagerConfiguration": {"name": "routes"}}, labels={}),
        ],
        [
            {},
            led({"receiver": "null"}, NULL, labels={}),
            {"namespaces": HERE, "alertmanagers": routes({}, {})["alertmanagers"]},
        ],
        "alertmanagerconfigs",
    ),
}
