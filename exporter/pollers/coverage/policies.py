"""Which pods network policy holds, in which direction.

Sources: NetworkPolicy of the Kubernetes documentation (what `policyTypes` is by default); "Policy enforcement" of
Cilium's (which rules make a pod refuse all that none allows); AdminNetworkPolicy of the Network Policy API. A policy
holds a pod in a direction where something is refused because of it. One of the administrator's that only allows, or one
of Cilium's whose `enableDefaultDeny` is false, does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from exporter.pollers.coverage.objects import Namespace, Pod, Raw, namespace_of
from exporter.pollers.coverage.selectors import (
    EVERYTHING,
    Labels,
    Selector,
    cilium_labels,
    cilium_selector,
    selector,
)

DIRECTIONS = ("ingress", "egress")


class Subject(NamedTuple):
    """Whom a policy is for, and in which directions it refuses anything. `namespace` "" is every one."""

    namespace: str
    namespaces: Selector
    pods: Selector
    cilium: bool
    directions: tuple[str, ...]


class Policy(NamedTuple):
    """A policy of any kind: the subjects of its rules."""

    subjects: tuple[Subject, ...]

    @classmethod
    def read_kubernetes(cls, raw: Raw) -> Self:
        """A NetworkPolicy."""
        spec = raw["spec"]
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        directions = tuple(one for one in DIRECTIONS if one.capitalize() in types)
        pods = selector(spec.get("podSelector") or {}) or EVERYTHING
        return cls((Subject(namespace_of(raw), EVERYTHING, pods, False, directions),))

    @classmethod
    def read_cilium(cls, raw: Raw) -> Self:
        """A CiliumNetworkPolicy, or one for the whole cluster, which is in no namespace."""
        namespace = str(raw["metadata"].get("namespace") or "")
        rules = [raw["spec"]] if raw.get("spec") else []
        return cls(tuple(_cilium(namespace, [*rules, *(raw.get("specs") or ())])))

    @classmethod
    def read_admin(cls, raw: Raw) -> Self:
        """An AdminNetworkPolicy or the BaselineAdminNetworkPolicy."""
        spec = raw["spec"]
        subject = spec["subject"]
        pods = subject.get("pods")
        where = selector(pods["namespaceSelector"] if pods else subject.get("namespaces"))
        which = selector(pods["podSelector"]) if pods else EVERYTHING
        directions = tuple(
            one for one in DIRECTIONS if any(rule.get("action") == "Deny" for rule in spec.get(one) or ())
        )
        if where is None or which is None:
            return cls(())
        return cls((Subject("", where, which, False, directions),))


def _cilium(namespace: str, rules: Iterable[Mapping[str, Any]]) -> Iterator[Subject]:
    for rule in rules:
        pods = cilium_selector(rule.get("endpointSelector"))
        if pods is None:  # a nodeSelector: for hosts
            continue
        deny = rule.get("enableDefaultDeny") or {}
        directions = []
        for one in DIRECTIONS:
            said = deny.get(one)
            if said if said is not None else bool(rule.get(one) or rule.get(f"{one}Deny")):
                directions.append(one)
        yield Subject(namespace, EVERYTHING, pods, True, tuple(directions))


Count = dict[tuple[str, str, str], int]
"""(namespace, direction, state) -> pods."""


def count(
    pods: Iterable[Pod], namespaces: Mapping[str, Namespace], policies: Iterable[Policy], mode: str = "default"
) -> Count:
    """Pods that are not finished, by namespace, direction and state (`catalog.watch.POD_STATES`).

    `mode` is Cilium's policy enforcement: with `always` every pod is held, with `never` none.
    """
    subjects = [subject for policy in policies for subject in policy.subjects if subject.directions]
    anywhere = [one for one in subjects if not one.namespace]
    inside: dict[str, list[Subject]] = {}
    for one in subjects:
        if one.namespace:
            inside.setdefault(one.namespace, []).append(one)
    found: Count = {
        (name, direction, state): 0
        for name in namespaces
        for direction in DIRECTIONS
        for state in ("enforced", "open", "host_network")
    }
    known: dict[tuple[object, ...], frozenset[str]] = {}
    for pod in pods:
        namespace = namespaces.get(pod.namespace)
        if pod.finished or namespace is None:  # its namespace is news that has not come yet
            continue
        held: frozenset[str] | None = None
        if not pod.host_network and mode == "default":
            kind = (pod.namespace, pod.account, *sorted(pod.labels.items()))
            held = known.get(kind)
            if held is None:
                held = known[kind] = _held(pod, namespace, [*inside.get(pod.namespace, ()), *anywhere])
        for direction in DIRECTIONS:
            found[pod.namespace, direction, _state(pod, direction, held, mode)] += 1
    return found


def _state(pod: Pod, direction: str, held: frozenset[str] | None, mode: str) -> str:
    if pod.host_network:
        return "host_network"
    return "enforced" if mode == "always" or (held is not None and direction in held) else "open"


def _held(pod: Pod, namespace: Namespace, subjects: Iterable[Subject]) -> frozenset[str]:
    """The directions in which a pod is held."""
    for_cilium: Labels | None = None
    held: set[str] = set()
    for subject in subjects:
        if held.issuperset(subject.directions) or not subject.namespaces.selects(namespace.labels):
            continue
        labels = pod.labels
        if subject.cilium:
            if for_cilium is None:
                for_cilium = cilium_labels(pod.labels, pod.namespace, namespace.labels, pod.account)
            labels = for_cilium
        if subject.pods.selects(labels):
            held.update(subject.directions)
    return frozenset(held)
