"""Label selectors as Kubernetes evaluates them, and as Cilium does.

Source: "Labels and Selectors" of the Kubernetes documentation, LabelSelector of its API reference; Cilium:
"Endpoint selector" and "Labels in policies" of its documentation.
"""

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

Labels = Mapping[str, str]

_SOURCES = ("k8s:", "any:")
"""Cilium's prefixes of labels that pods have; a key with another prefix (`reserved:`, `cidr:`) is of no pod."""

_POD_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"


class Requirement(NamedTuple):
    """One condition on a label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Labels) -> bool:
        """Whether it holds for an object with these labels."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
        (bound,) = self.values  # Gt and Lt, which only node affinity has
        try:
            number, limit = int(value or ""), int(bound)
        except ValueError:
            return False
        return number > limit if self.operator == "Gt" else number < limit


class Selector(NamedTuple):
    """All of these must hold; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def selects(self, labels: Labels) -> bool:
        """Whether an object with these labels is selected."""
        return all(one.holds(labels) for one in self.requirements)


EVERYTHING = Selector()


def selector(read: Any) -> Selector | None:
    """A LabelSelector; None, which selects nothing, for one that is not there. Raises ValueError where it is none."""
    if read is None:
        return None
    if not isinstance(read, dict):
        raise ValueError("a selector that is no mapping")
    pairs = [
        Requirement(sys.intern(key), "In", frozenset({str(value)}))
        for key, value in (read.get("matchLabels") or {}).items()
    ]
    return Selector((*pairs, *(requirement(one) for one in read.get("matchExpressions") or ())))


def requirement(read: Mapping[str, Any], operators: tuple[str, ...] = ()) -> Requirement:
    """One of matchExpressions; raises ValueError. `operators` are allowed beside the four of labels."""
    key, operator = str(read["key"]), str(read["operator"])
    values = frozenset(str(value) for value in read.get("values") or ())
    if operator not in ("In", "NotIn", "Exists", "DoesNotExist", *operators):
        raise ValueError(f"the operator {operator!r} is not known")
    if operator in ("In", "NotIn") and not values:
        raise ValueError(f"{operator} without values")
    if operator in operators and len(values) != 1:
        raise ValueError(f"{operator} takes one value")
    return Requirement(sys.intern(key), operator, values)


def cilium_selector(read: Any) -> Selector | None:
    """An endpointSelector of Cilium, for `cilium_labels`; None where there is none."""
    found = selector(read)
    if found is None:
        return None
    return Selector(tuple(one._replace(key=_bare(one.key)) for one in found.requirements))


def _bare(key: str) -> str:
    for source in _SOURCES:
        if key.startswith(source):
            return key.removeprefix(source)
    return key


def cilium_labels(labels: Labels, namespace: str, namespace_labels: Labels, account: str) -> Labels:
    """The labels by which Cilium knows a pod: its own, its namespace's, and those that Cilium adds."""
    return {
        **labels,
        **{f"{_NAMESPACE_LABELS}{key}": value for key, value in namespace_labels.items()},
        _POD_NAMESPACE: namespace,
        _ACCOUNT: account,
    }
