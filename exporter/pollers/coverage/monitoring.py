"""The objects of the Prometheus Operator: what they select, and where an AlertmanagerConfig leads an alert.

Source: the API reference of the Prometheus Operator. A selector that is not set selects nothing, a namespace selector
that is not set its own namespace; under the matcher strategy OnNamespace an AlertmanagerConfig gets only the alerts of
its own namespace.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from exporter.pollers.coverage.objects import Namespace, Raw, labels_of, name_of, namespace_of
from exporter.pollers.coverage.selectors import Labels, Selector, selector

OURS = ("app.kubernetes.io/name", "threatboard")
"""The label of what the chart makes."""


class Picks(NamedTuple):
    """Which objects of a kind a server takes: by their labels, and by those of their namespace (None: its own)."""

    objects: Selector | None
    namespaces: Selector | None


class Monitoring(NamedTuple):
    """A Prometheus or an Alertmanager; `picks` by resource."""

    namespace: str
    name: str
    picks: Mapping[str, Picks]
    on_namespace: bool = True
    global_config: str = ""
    """The AlertmanagerConfig in its own namespace that stands for its whole configuration."""

    @classmethod
    def read_prometheus(cls, raw: Raw) -> Self:
        picks = {
            "prometheusrules": _picks(raw["spec"], "rule"),
            "servicemonitors": _picks(raw["spec"], "serviceMonitor"),
        }
        return cls(namespace_of(raw), name_of(raw), picks)

    @classmethod
    def read_alertmanager(cls, raw: Raw) -> Self:
        spec = raw["spec"]
        strategy = (spec.get("alertmanagerConfigMatcherStrategy") or {}).get("type") or "OnNamespace"
        return cls(
            namespace_of(raw),
            name_of(raw),
            {"alertmanagerconfigs": _picks(spec, "alertmanagerConfig")},
            strategy == "OnNamespace",
            str((spec.get("alertmanagerConfiguration") or {}).get("name") or ""),
        )

    def takes(self, resource: str, one: "Monitored | RouteConfig", namespaces: Mapping[str, Namespace]) -> bool:
        """Whether it selects this object."""
        picks = self.picks[resource]
        if picks.objects is None or not picks.objects.selects(one.labels):
            return False
        if picks.namespaces is None:
            return one.namespace == self.namespace
        namespace = namespaces.get(one.namespace)
        return namespace is not None and picks.namespaces.selects(namespace.labels)


def _picks(spec: Mapping[str, Any], what: str) -> Picks:
    return Picks(selector(spec.get(f"{what}Selector")), selector(spec.get(f"{what}NamespaceSelector")))


class Monitored(NamedTuple):
    """A PrometheusRule or a ServiceMonitor."""

    namespace: str
    name: str
    labels: Labels

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(namespace_of(raw), name_of(raw), labels_of(raw))


_COSTLY = re.compile(r"[*+?{(]")
_NESTED = re.compile(r"\)[*+?{]")
MAX_COSTLY = 3
"""Groups and repetitions that a pattern may have together, none of a group: Alertmanager's patterns take linear time,
Python's may take for ever, and whoever may make an AlertmanagerConfig writes them."""


class Matcher(NamedTuple):
    """A condition of a route on a label."""

    name: str
    operator: str
    value: str

    def holds(self, labels: Labels) -> bool:
        """Whether an alert with these labels fits; a pattern that is none fits nothing."""
        value = labels.get(self.name, "")
        if self.operator in ("=", "!="):
            return (value == self.value) == (self.operator == "=")
        try:
            return bool(re.fullmatch(self.value, value)) == (self.operator == "=~")
        except (re.error, OverflowError):  # the latter: repeated too often
            return False

    @classmethod
    def read(cls, raw: Raw) -> Self:
        regex = "=~" if raw.get("regex") else "="
        operator, value = str(raw.get("matchType") or regex), str(raw.get("value") or "")
        if operator in ("=~", "!~") and (len(_COSTLY.findall(value)) > MAX_COSTLY or _NESTED.search(value)):
            raise ValueError("a pattern that could take too long")
        return cls(str(raw["name"]), operator, value)


class Route(NamedTuple):
    """A node of the tree of routes."""

    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    routes: tuple["Route", ...]

    def receivers(self, labels: Labels, inherited: str = "") -> list[str]:
        """The receivers to which an alert is led."""
        if not all(one.holds(labels) for one in self.matchers):
            return []
        own = self.receiver or inherited
        found: list[str] = []
        for route in self.routes:
            led = route.receivers(labels, own)
            found += led
            if led and not route.goes_on:
                break
        return found or [own]

    @classmethod
    def read(cls, raw: Raw, depth: int = 0) -> Self:
        if depth > 20:
            raise ValueError("routes within routes within routes")
        return cls(
            str(raw.get("receiver") or ""),
            tuple(Matcher.read(one) for one in raw.get("matchers") or ()),
            bool(raw.get("continue")),
            tuple(cls.read(one, depth + 1) for one in raw.get("routes") or ()),
        )


class RouteConfig(NamedTuple):
    """An AlertmanagerConfig; `sending` are its receivers that send something somewhere."""

    namespace: str
    name: str
    labels: Labels
    route: Route | None
    sending: frozenset[str]

    def sends(self, labels: Labels) -> bool:
        """Whether it leads such an alert to a receiver that sends it."""
        return self.route is not None and any(one in self.sending for one in self.route.receivers(labels))

    @classmethod
    def read(cls, raw: Raw) -> Self:
        spec = raw["spec"]
        sending = {
            str(one["name"])
            for one in spec.get("receivers") or ()
            if any(key.endswith("Configs") and value for key, value in one.items())
        }
        route = Route.read(spec["route"]) if spec.get("route") else None
        return cls(namespace_of(raw), name_of(raw), labels_of(raw), route, frozenset(sending))


def ours(objects: Iterable[Monitored]) -> list[Monitored]:
    """Those that threatboard's chart made."""
    return [one for one in objects if one.labels.get(OURS[0]) == OURS[1]]
