"""From settings to what is counted of an event and told of it: one class a source, which a reload makes anew."""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.catalog import FINDINGS, METRICS, OTHER
from exporter.catalog.watch import DRILL
from exporter.config import FalcoSettings, WafSettings
from exporter.config.tuning import labels
from exporter.intake.drill import LINK, Drills
from exporter.intake.pipeline import Counted, Ruling
from exporter.intake.tuning import Tuning, glob
from exporter.sources import Counters, Event, Line
from exporter.sources.falco_events import FalcoAlert
from exporter.sources.waf_events import WafEvent, network_of
from exporter.sources.waf_places import Place

_IDS = FINDINGS["ids"]
_WAF = FINDINGS["waf"]


class Adds(NamedTuple):
    """One more under these labels: what is counted of an alert, without the alert."""

    metric: str
    labels: tuple[str, ...]

    def tally(self, counters: Counters) -> None:
        counters.add(self.metric, self.labels)


def as_it_is(event: Event) -> Ruling:
    """The ruling on events that nothing tunes."""
    return Ruling(event, event, {})


class FalcoRuling:
    """Rules on Falco's events under one `falco` section.

    `fields` are the output_fields that it looks at. Of alerts that have one of `single` no two are ruled on alike.
    """

    def __init__(self, settings: FalcoSettings, drills: Drills | None = None) -> None:
        self._drills = drills
        self.single = () if drills is None else (LINK,)
        self._tuning = Tuning(settings.tuning, labels("ids"), _IDS.rule)
        self._pod_label = settings.pod_label
        named = {name for entry in settings.tuning for name in entry.match}
        self.fields = sorted(named.difference(labels("ids")))

    def __call__(self, event: Event) -> Ruling:
        if not isinstance(event, FalcoAlert):
            return as_it_is(event)
        if self._drills is not None and (drill := self._drills.of_alert(event)):
            return drill.ruling(event, Adds(_IDS.suppressed, (event.rule, DRILL)))
        entry = self._tuning.verdict(event) if self._tuning else None
        tuned: Line = {}
        if entry is not None and entry.severity is None:
            return Ruling(Adds(_IDS.suppressed, (event.rule, entry.reason)), event, {"suppressed": entry.reason})
        counted = event if self._pod_label else event._replace(k8s_pod_name="")
        if entry is not None and entry.severity is not None:
            tuned = {"priority_counted": entry.severity, "priority_reason": entry.reason}
            counted = counted._replace(priority=entry.severity)
        return Ruling(Adds(_IDS.counted, counted[:8]), event, tuned)


class WafCounted(NamedTuple):
    """What is counted of a WAF's event: its series or its suppression, and the client's network if wanted."""

    event: WafEvent
    suppressed: str = ""
    network: str = ""

    def tally(self, counters: Counters) -> None:
        event = self.event
        if self.suppressed:
            counters.add(_WAF.suppressed, (event.rule_id, self.suppressed))
            event.tally_record(counters)
            return
        event.tally(counters)
        if self.network:
            labels = (self.network, event.verdict, event.k8s_ns_name, event.workload)
            counters.add("threat_waf_client_events_total", labels)


class WafRuling:
    """Rules on a WAF's events under one `waf` section: whom the request was for, and what tuning says."""

    def __init__(self, settings: WafSettings, drills: Drills | None = None) -> None:
        self._drills = drills
        self._blocking = settings.blocking
        self._tuning = Tuning(settings.tuning, labels("waf"), _WAF.rule)
        self._networks = settings.client_networks
        places = {key: Place(one.namespace, one.workload) for key, one in settings.hosts.items()}
        self._exact = {key: place for key, place in places.items() if "*" not in key}
        self._globs = [(key, glob(key), places[key]) for key in _longest_first(places) if "*" in key]

    def __call__(self, event: Event) -> Ruling:
        if not isinstance(event, WafEvent):
            return as_it_is(event)
        host, place = self._served(event.fields.host, event.named)
        event = event._replace(host=host, k8s_ns_name=place.k8s_ns_name, workload=place.workload)
        if self._drills is not None and (drill := self._drills.of_request(event, blocking=self._blocking)):
            return drill.ruling(event, WafCounted(event, suppressed=DRILL))
        entry = self._tuning.verdict(event) if self._tuning else None
        counted: Counted
        if entry is not None and entry.severity is None:
            return Ruling(WafCounted(event, suppressed=entry.reason), event, {"suppressed": entry.reason})
        tuned: Line = {}
        counted = event
        if entry is not None and entry.severity is not None:
            tuned = {"severity_counted": entry.severity, "severity_reason": entry.reason}
            counted = event._replace(severity=entry.severity)
        network = network_of(event.fields.text("client")) if self._networks else ""
        return Ruling(WafCounted(counted, network=network), event, tuned)

    def _served(self, asked: str, named: Place) -> tuple[str, Place]:
        """The key that a host fits, and whom it is for. What nobody configured is `other`: the client made it up."""
        place = self._exact.get(asked)
        if place is not None:
            return asked, place
        for key, fits, place in self._globs:
            if fits(asked):
                return key, place
        return OTHER, named


def _longest_first(keys: Iterable[str]) -> list[str]:
    """Globs, the narrower before the wider: the one that says more of a host decides."""
    return sorted(keys, key=lambda key: (-len(key), key))


def always_there(settings: WafSettings) -> list[tuple[str, ...]]:
    """Label sets of `threat_waf_events_total` that are there from the start: 0 says that nothing was found so far."""
    at = METRICS[_WAF.counted].labels
    verdicts = ("blocked", "detected")
    return [
        tuple(
            {"verdict": verdict, "host": host, "k8s_ns_name": one.namespace, "workload": one.workload}.get(name, "")
            for name in at
        )
        for host, one in settings.hosts.items()
        for verdict in verdicts
    ]
