"""What was sent to a firewall, and what the exporter's counters say of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from demo.servers import wait_for
from tests.support.receiver import Receiver
from tests.waf.attacks import Case, send

PATIENCE = 60.0
"""Seconds after which what should be counted soon has failed; a machine that others use too may take long."""

WAF: dict[str, Any] = {
    "hosts": {
        "shop.example.com": {"namespace": "shop", "workload": "web"},
        "*.example.org": {"namespace": "api", "workload": "gateway"},
    }
}
"""`waf` in the exporter's configuration."""

CONFIG: dict[str, Mapping[str, Any]] = {"controls": {"waf": True}, "waf": WAF}

SERVED = {
    b"shop.example.com": ("shop.example.com", "shop", "web"),
    b"api.example.org:8443": ("*.example.org", "api", "gateway"),
}
"""Host as it was asked for -> the host, namespace and workload that it is counted under."""

LAST = Case("last", b"/q?q=%3Cscript%3Ealert(1)%3C/script%3E", "xss", host=b"last.example.org")
"""Sent after all else: records come in their order, so when it is counted, all is."""

SERVED[LAST.host] = SERVED[b"api.example.org:8443"]


class Event(NamedTuple):
    """Labels of `threat_waf_events_total` that do not depend on the rule set's version."""

    engine: str
    class_: str
    severity: str
    verdict: str
    host: str
    k8s_ns_name: str
    workload: str


def events(engine: str, verdict: str, cases: Iterable[Case]) -> Counter[Event]:
    """The events that these cases are, with a firewall that blocks, or only detects."""
    return Counter(
        Event(engine, case.attack, "critical", verdict, *SERVED.get(case.host, ("other", "", "")))
        for case in cases
        if case.attack
    )


def counted(receiver: Receiver) -> Counter[Event]:
    """The events that the exporter has counted."""
    found: Counter[Event] = Counter()
    for family in text_string_to_metric_families(receiver.get("/metrics")[2].decode()):
        for sample in family.samples:
            if sample.name == "threat_waf_events_total" and sample.value:
                labels = {("class_" if name == "class" else name): value for name, value in sample.labels.items()}
                found[Event(**{name: labels[name] for name in Event._fields})] += int(sample.value)
    return found


def attack(port: int, cases: Iterable[Case], blocked: int) -> int:
    """Sends the cases one after another; the number of attacks.

    Each is answered as the application answers, an attack with 403 where `blocked`.
    """
    sent = list(cases)
    for case in sent:
        expected = blocked if case.attack else case.status
        assert send(port, case) == expected, case.name
    return sum(bool(case.attack) for case in sent)


def wait_for_events(receiver: Receiver, number: int) -> None:
    """Waits until so many are counted."""
    assert wait_for(lambda: counted(receiver).total() >= number, PATIENCE), counted(receiver)
