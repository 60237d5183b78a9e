"""An hour of a cluster in which nothing is as tidy as in a manual, as samples to back-fill, for every metric there is.

Every target is there in all the ways that make two series of what an expression takes for one: replaced with the same
`instance`, scraped by a second job, named as managed Prometheus names it (its pod and a port's name), on a node that
has no agents, and from a cluster whose label has another name. Every label that has a closed set of values takes each.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from demo.history import Span
from demo.series import text_of
from rules.promql import TARGET_LABELS, Series

MINUTE, HOUR = 60.0, 3600.0
REPLACED = 12 * MINUTE
"""How long before the end agents and receivers were replaced; the old ones' last samples are within any 5 minutes."""

POD = "web-7b9f6d5c44-x2x9q"
OPEN = {
    "hostname": ("node-1", "node-2"),
    "node": ("node-1",),
    "k8s_ns_name": ("shop",),
    "k8s_pod_name": (POD,),
    "workload": ("web",),
    "rule": ("Shell in container", "other"),
    "reason": ("POLICY_DENIED", "Policy denied", "Stale or unroutable IP", "14", "205"),
    "map_name": ("ct4_global", "policy_02366", "cilium_policy_v2_*"),
    "qtypes": ("A", "TXT"),
    "rcode": ("", "Policy denied", "Non-Existent Domain", "No Error"),
    "scope": ("upstreamTime", "processingTime", "totalTime"),
    "match": ("l3-only", "l7/http", "l7/dns"),
    "le": ("1", "60", "+Inf"),
    "alertname": ("IdsCriticalAlert",),
    "sha256": ("a" * 64, "b" * 64),
    "owner_kind": ("ReplicaSet",),
    "owner_name": ("web-7b9f6d5c44",),
    **{f"{end}_namespace": ("shop",) for end in ("source", "destination")},
    **{f"{end}_workload": ("web",) for end in ("source", "destination")},
    **{f"{end}_pod": (POD,) for end in ("source", "destination")},
}
"""Values of labels whose values are not a closed set; of others it is "x"."""

GAUGES = {
    "threat_series_limit": 20000.0,
    "cilium_bpf_map_pressure": 0.3,
    "cilium_policy_endpoint_enforcement_status": 0,
    "threat_configuration_fault": 0,
}
"""What a gauge says in a calm hour, if not 1."""

_HOLDING = ("kube_", "container_")
"""What the exporters of these tell about others' pods, so that namespace and pod are not the target's."""


@dataclass(frozen=True)
class _Target:
    labels: Mapping[str, str]
    since: float = 0.0
    until: float = HOUR


def _targets(job: str) -> tuple[_Target, ...]:
    at = {"cluster": "c", "job": job, "instance": "node-1", "namespace": "kube-system", "container": "agent"}
    other = {"k8s_cluster": "other", "job": job, "instance": "10.9.0.1:9962", "namespace": "kube-system"}
    third = {**other, "k8s_cluster": "third", "instance": "10.8.0.1:9962"}
    return (
        _Target({**at, "pod": "agent-aaaaa"}, until=HOUR - REPLACED),
        _Target({**at, "pod": "agent-bbbbb"}, since=HOUR - REPLACED),
        _Target({**at, "pod": "agent-bbbbb", "job": f"{job}-again", "node": "node-1"}),
        _Target({**at, "pod": "agent-ccccc", "instance": "agent-ccccc:metrics"}),
        _Target({**other, "pod": "agent-aaaaa"}),
        _Target({**third, "pod": "agent-aaaaa"}),
    )


def _of_pods() -> tuple[_Target, ...]:
    about = {"cluster": "c", "namespace": "shop", "pod": POD, "container": "app"}
    jobs = ("kube-state-metrics", "kube-state-metrics-again", "opencost")
    there = [_Target({**about, "job": job, "instance": f"10.0.1.{number}:8080"}) for number, job in enumerate(jobs)]
    # Without honorLabels the pod is that of kube-state-metrics itself, for every pod that there is.
    own = {"cluster": "c", "job": "ksm", "instance": "10.0.1.9:8080", "namespace": "monitoring", "pod": "ksm-x"}
    lost = [_Target({**own, "exported_pod": pod, "exported_namespace": "shop"}) for pod in (POD, "cart-1")]
    return (*there, *lost, _Target({"k8s_cluster": "other", **{k: v for k, v in about.items() if k != "cluster"}}))


def _label_sets(series: Series) -> Iterator[dict[str, str]]:
    """Each value of each label once, beside the first values of the others."""
    names = sorted(series.labels - TARGET_LABELS)
    values = {name: sorted(series.values.get(name, frozenset()) - {""}) or OPEN.get(name, ("x",)) for name in names}
    first = {name: values[name][0] for name in names}
    yield first
    for name in names:
        yield from ({**first, name: value} for value in values[name][1:])


def _owners() -> Iterator[tuple[dict[str, str], float]]:
    """A second owner that controls nothing, and pods of a Job and of an operator."""
    for kind, name, controls in (
        ("Application", "shop", "false"),
        ("Job", "web-28391040", "true"),
        ("StrimziPodSet", "logs", "true"),
    ):
        pod = POD if controls == "false" else f"{name}-0"
        about = {"cluster": "c", "namespace": "shop", "pod": pod, "owner_kind": kind, "owner_name": name}
        yield {**about, "owner_is_controller": controls, "job": "kube-state-metrics"}, 1.0


def _nodes() -> Iterator[tuple[dict[str, str], float]]:
    """Two with an agent, one under two names, and two on which none can run; all told twice."""
    linux, windows = "Ubuntu 22.04.4 LTS", "Windows Server 2022 Datacenter"
    images = {"node-1": linux, "node-2": linux, "akswin000000": windows, "fargate-ip-10-0-0-8": "Amazon Linux 2"}
    for number, (node, image) in enumerate(images.items(), 1):
        about = {"cluster": "c", "node": node, "internal_ip": f"10.0.0.{number}", "os_image": image}
        yield from (({**about, "job": job}, 1.0) for job in ("ksm", "ksm-again"))
    yield {"cluster": "c", "node": "node-2-before", "internal_ip": "10.0.0.2", "os_image": linux, "job": "ksm"}, 1.0


def _agents() -> Iterator[tuple[dict[str, str], float]]:
    """Where the agents' pods run."""
    for pod, node in (("agent-bbbbb", "node-1"), ("agent-ccccc", "node-2")):
        yield {"cluster": "c", "namespace": "kube-system", "pod": pod, "node": node, "host_network": "true"}, 1.0


ENFORCED = {"alertname": "PlatformSuppressionBroad", "unit": "share", "namespace": "security"}
"""Somebody's threshold, on whose result a Prometheus has written the namespace of the rules."""

EXTRA = {"kube_pod_owner": _owners, "kube_node_info": _nodes, "kube_pod_info": _agents}


def _is_counter(name: str) -> bool:
    return name.endswith(("_total", "_bucket", "_sum", "_count"))


def samples(known: Mapping[str, Series], busy: bool) -> Iterator[str]:
    """OpenMetrics lines for every metric; in a calm hour no counter counts."""
    span = _span()
    for name, series in known.items():
        if name == "ALERTS" and not busy:
            continue
        rate = float(busy) if _is_counter(name) else 0.0
        targets = _of_pods() if name.startswith(_HOLDING) else _targets(name.partition("_")[0])
        if name == "kube_node_info":
            targets = ()
        for labels in _label_sets(series):
            for target in targets:
                shown = text_of({**target.labels, **labels})
                for at in span.times():
                    if target.since <= at - span.start <= target.until:
                        yield f"{name}{shown} {_value(name, rate, at - span.start, at)!r} {at:.3f}\n"
        for more, value in EXTRA[name]() if name in EXTRA else ():
            for at in span.times():
                yield f"{name}{text_of(more)} {value!r} {at:.3f}\n"
    yield from _enforced(span)
    yield "# EOF\n"


def _enforced(span: Span) -> Iterator[str]:
    for at in span.times():
        yield f"threat:threshold{text_of(ENFORCED)} 0.5 {at:.3f}\n"


def _value(name: str, rate: float, passed: float, at: float) -> float:
    if "timestamp_seconds" in name:
        return at
    return rate * passed if _is_counter(name) else float(GAUGES.get(name, 1.0))


def _span(now: float = time.time() // MINUTE * MINUTE) -> Span:
    return Span(now - HOUR, now, MINUTE)


SPAN = _span()
"""The hour; it ended when the tests began."""
