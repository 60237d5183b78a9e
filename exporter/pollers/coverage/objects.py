"""What is kept of the cluster's objects: from the API server's JSON to the few fields that coverage needs.

Each class has `read`, which makes it from the object as it came and raises KeyError, TypeError, ValueError or
AttributeError where that is not as Kubernetes describes it.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from exporter.pollers.coverage.selectors import Labels, Requirement, Selector, requirement, selector

Raw = Mapping[str, Any]


def labels_of(raw: Raw) -> Labels:
    """The labels of an object, whose texts many objects share."""
    found = raw["metadata"].get("labels") or {}
    return {sys.intern(key): sys.intern(str(value)) for key, value in found.items()}


def name_of(raw: Raw) -> str:
    return str(raw["metadata"]["name"])


def namespace_of(raw: Raw) -> str:
    return sys.intern(str(raw["metadata"]["namespace"]))


class Taint(NamedTuple):
    """What keeps pods from a node; `effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str
    effect: str


class Node(NamedTuple):
    """A node."""

    name: str
    labels: Labels
    taints: tuple[Taint, ...]

    @classmethod
    def read(cls, raw: Raw) -> Self:
        taints = (raw.get("spec") or {}).get("taints") or ()
        read = (Taint(str(one["key"]), str(one.get("value") or ""), str(one["effect"])) for one in taints)
        return cls(name_of(raw), labels_of(raw), tuple(read))


class Namespace(NamedTuple):
    """A namespace."""

    name: str
    labels: Labels

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(name_of(raw), labels_of(raw))


class Owner(NamedTuple):
    """The controller of a pod."""

    kind: str
    name: str
    uid: str


class Pod(NamedTuple):
    """A pod. `reports` are the last words of its ended containers, kept of drills alone."""

    namespace: str
    name: str
    labels: Labels
    node: str
    account: str
    owner: Owner | None
    host_network: bool
    finished: bool
    ready: bool
    reports: tuple[str, ...]

    @classmethod
    def read(cls, raw: Raw) -> Self:
        meta, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
        owners = (one for one in meta.get("ownerReferences") or () if one.get("controller"))
        owner = next((Owner(sys.intern(one["kind"]), sys.intern(one["name"]), str(one["uid"])) for one in owners), None)
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
        labels = labels_of(raw)
        return cls(
            namespace_of(raw),
            name_of(raw),
            labels,
            sys.intern(str(spec.get("nodeName") or "")),
            sys.intern(str(spec.get("serviceAccountName") or "")),
            owner,
            bool(spec.get("hostNetwork")),
            status.get("phase") in ("Succeeded", "Failed"),
            ready and "deletionTimestamp" not in meta,
            tuple(_last_words(status)) if labels.get(DRILL) == "true" else (),
        )


DRILL = "threatboard/drill"
"""The label of a drill's pods."""


def _last_words(status: Raw) -> Iterable[str]:
    for container in status.get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated") or {}
        if isinstance(ended.get("message"), str):
            yield ended["message"]


class Toleration(NamedTuple):
    """A taint that a pod does not mind; an empty `key` or `effect` is any."""

    key: str
    operator: str
    value: str
    effect: str

    def tolerates(self, taint: Taint) -> bool:
        """Whether this is the taint that is meant."""
        if self.effect not in ("", taint.effect):
            return False
        if not self.key:
            return self.operator == "Exists"
        return self.key == taint.key and (self.operator == "Exists" or self.value == taint.value)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        fields = ("key", "operator", "value", "effect")
        return cls(*(str(raw.get(field) or ("Equal" if field == "operator" else "")) for field in fields))


class Term(NamedTuple):
    """A term of required node affinity; one without conditions fits no node."""

    labels: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]

    def fits(self, node: Node) -> bool:
        """Whether the node fits all conditions."""
        if not self.labels and not self.fields:
            return False
        return Selector(self.labels).selects(node.labels) and Selector(self.fields).selects(
            {"metadata.name": node.name}
        )

    @classmethod
    def read(cls, raw: Raw) -> Self:
        on_labels, on_fields = (raw.get(name) or () for name in ("matchExpressions", "matchFields"))
        return cls(
            tuple(requirement(one, ("Gt", "Lt")) for one in on_labels), tuple(requirement(one) for one in on_fields)
        )


class DaemonSet(NamedTuple):
    """A DaemonSet, and where its pods may run. `terms` None: any node."""

    namespace: str
    name: str
    uid: str
    labels: Labels
    pod_labels: Labels
    node_selector: Selector
    terms: tuple[Term, ...] | None
    tolerations: tuple[Toleration, ...]
    host_network: bool
    node_names: frozenset[str]
    """Environment variables of its containers that are the name of the node."""

    def owns(self, pod: Pod) -> bool:
        """Whether it is the controller of the pod. Anyone may write its uid into a pod of another namespace."""
        return pod.owner is not None and pod.owner.uid == self.uid and pod.namespace == self.namespace

    @classmethod
    def read(cls, raw: Raw) -> Self:
        template = raw["spec"]["template"]
        spec = template["spec"]
        affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
            "requiredDuringSchedulingIgnoredDuringExecution"
        )
        wanted = selector({"matchLabels": spec.get("nodeSelector")})
        assert wanted is not None
        return cls(
            namespace_of(raw),
            name_of(raw),
            str(raw["metadata"]["uid"]),
            labels_of(raw),
            labels_of({"metadata": template.get("metadata") or {}}),
            wanted,
            None if affinity is None else tuple(Term.read(one) for one in affinity.get("nodeSelectorTerms") or ()),
            tuple(Toleration.read(one) for one in spec.get("tolerations") or ()),
            bool(spec.get("hostNetwork")),
            frozenset(_node_names(spec)),
        )


def _node_names(spec: Raw) -> Iterable[str]:
    for container in spec.get("containers") or ():
        for variable in container.get("env") or ():
            source = (variable.get("valueFrom") or {}).get("fieldRef") or {}
            if source.get("fieldPath") == "spec.nodeName":
                yield str(variable["name"])


class Service(NamedTuple):
    """A Service; without a selector it leads to no pods that we know."""

    namespace: str
    name: str
    selector: Labels

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(namespace_of(raw), name_of(raw), dict((raw.get("spec") or {}).get("selector") or {}))


class Host(NamedTuple):
    """A host name and the Service that it leads to."""

    host: str
    namespace: str
    service: str


class Hosts(NamedTuple):
    """The hosts of an Ingress or an HTTPRoute."""

    hosts: tuple[Host, ...]

    @classmethod
    def read_ingress(cls, raw: Raw) -> Self:
        namespace, spec = namespace_of(raw), raw.get("spec") or {}
        found = []
        for rule in spec.get("rules") or ():
            for path in (rule.get("http") or {}).get("paths") or ():
                service = (path["backend"].get("service") or {}).get("name")
                if service:
                    found.append(Host(_host(rule.get("host")), namespace, str(service)))
        service = ((spec.get("defaultBackend") or {}).get("service") or {}).get("name")
        if service:
            found.append(Host("*", namespace, str(service)))
        return cls(tuple(dict.fromkeys(found)))

    @classmethod
    def read_route(cls, raw: Raw) -> Self:
        namespace, spec = namespace_of(raw), raw.get("spec") or {}
        names = [_host(name) for name in spec.get("hostnames") or ("*",)]
        found = [
            Host(name, str(backend.get("namespace") or namespace), str(backend["name"]))
            for rule in spec.get("rules") or ()
            for backend in rule.get("backendRefs") or ()
            if backend.get("kind", "Service") == "Service" and not backend.get("group")
            for name in names
        ]
        return cls(tuple(dict.fromkeys(found)))


def _host(read: object) -> str:
    """A host as `waf.hosts` is written; `*` for any."""
    return str(read).lower() if read else "*"


class ConfigMap(NamedTuple):
    """A ConfigMap of one of the controls."""

    namespace: str
    name: str
    data: Mapping[str, str]

    @classmethod
    def read(cls, raw: Raw) -> Self:
        data = {str(key): str(value) for key, value in (raw.get("data") or {}).items()}
        return cls(namespace_of(raw), name_of(raw), data)
