"""What the `waf` section makes of an event: whom the request was for, what is counted, and what its line says."""

import json
from pathlib import Path

import pytest

from exporter.catalog import METRICS
from exporter.config import WafSettings
from exporter.config.tuning import WafEntry
from exporter.config.waf_hosts import HostSettings
from exporter.events import Recent
from exporter.intake.pipeline import Pipeline, Route
from exporter.intake.ruling import WafRuling, always_there
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.sources import Line
from exporter.sources.waf import WAF, parse
from tests.support.clock import FakeClock

RECORD = json.loads((Path(__file__).parents[2] / "samples" / "waf" / "modsecurity" / "on_sqli_get.json").read_text())
EVENTS = "threat_waf_events_total"
SHOP = HostSettings(namespace="shop", workload="web")
HOSTS = {
    "shop.example.com": SHOP,
    "*.example.com": HostSettings(namespace="pages", workload="static"),
    "*.pay.example.com": HostSettings(namespace="pay", workload="gateway"),
}


class Taken:
    """A receiver's insides, with records taken under some settings."""

    def __init__(self, settings: WafSettings) -> None:
        self.metrics = Metrics(clock=FakeClock())
        self.metrics.store.families[EVENTS].keep(always_there(settings))
        self.recent = Recent()
        self.recent.resize(10, 1 << 20)
        self._pipeline = Pipeline(self.metrics, EventLines(self.recent, None), FakeClock())
        self._route = Route(WAF, WafRuling(settings))

    def take(self, host: str = "shop.example.com", **transaction: object) -> None:
        record = json.loads(json.dumps(RECORD))
        record["transaction"]["request"]["headers"]["Host"] = host
        record["transaction"] |= transaction
        assert self._pipeline.take(self._route, parse(json.dumps(record).encode(), 10)).accepted == 1

    def counted(self, name: str = EVENTS) -> list[dict[str, str]]:
        """The labels of every series that is above 0, overflow series too."""
        family = self.metrics.store.families[name]
        return [dict(zip(METRICS[name].labels, one.labels, strict=True)) for one in family.samples() if one.value]

    def line(self) -> Line:
        return next(iter(self.recent)).line()


@pytest.mark.parametrize(
    ("asked", "host", "namespace"),
    [
        ("shop.example.com", "shop.example.com", "shop"),
        ("SHOP.example.com:8443", "shop.example.com", "shop"),
        ("a.pay.example.com", "*.pay.example.com", "pay"),
        ("www.example.com.", "*.example.com", "pages"),
        ("example.com", "other", ""),
        ("evil.example.net", "other", ""),
        ("", "other", ""),
        ("shop.example.com.evil.example.net", "other", ""),
    ],
)
def test_a_host_names_a_workload_only_where_it_is_configured(asked: str, host: str, namespace: str) -> None:
    taken = Taken(WafSettings(hosts=HOSTS))
    taken.take(asked)
    [counted] = taken.counted()
    assert (counted["host"], counted["k8s_ns_name"]) == (host, namespace)
    assert taken.line().get("namespace", "") == namespace


def test_hosts_that_a_client_makes_up_are_one_series() -> None:
    taken = Taken(WafSettings(hosts=HOSTS))
    for number in range(1000):
        taken.take(f"made-up-{number}.example.net")
        taken.take(f"made-up-{number}.example.com")
    assert {one["host"] for one in taken.counted()} == {"other", "*.example.com"}


def test_what_is_configured_decides_before_what_the_waf_says() -> None:
    taken = Taken(WafSettings(hosts=HOSTS))
    taken.take("shop.example.com", unique_id="other-ns_api_1")
    taken.take("evil.example.net", unique_id="other-ns_api_1")
    places = {(one["host"], one["k8s_ns_name"], one["workload"]) for one in taken.counted()}
    assert places == {("shop.example.com", "shop", "web"), ("other", "other-ns", "api")}


def test_configured_workloads_are_there_at_0_for_as_long_as_they_are_configured() -> None:
    settings = WafSettings(hosts={"shop.example.com": SHOP})
    taken = Taken(settings)
    family = taken.metrics.store.families[EVENTS]

    def there() -> set[tuple[str, str]]:
        found = [dict(zip(METRICS[EVENTS].labels, one.labels, strict=True)) for one in family.samples()]
        return {(one["host"], one["verdict"]) for one in found if one["host"] != "other"}

    assert there() == {("shop.example.com", "blocked"), ("shop.example.com", "detected")}
    family.expire(-1.0)
    assert len(there()) == 2
    family.keep(always_there(WafSettings(hosts={"pay.example.com": SHOP})))
    assert len(there()) == 4
    family.expire(-1.0)
    assert there() == {("pay.example.com", "blocked"), ("pay.example.com", "detected")}
    assert family.overflowed == 0


def entry(action: str, severity: str | None = None, /, **match: str) -> WafEntry:
    texts = {name.removesuffix("_"): (text,) for name, text in match.items()}
    return WafEntry(match=texts, action=action, severity=severity, reason="known")


@pytest.mark.parametrize(
    "match",
    [
        {"rule_id": "942100"},
        {"class_": "sqli"},
        {"verdict": "blocked", "severity": "critical", "engine": "modsecurity"},
        {"k8s_ns_name": "shop", "workload": "web", "host": "shop.example.com"},
        {"uri": "/item"},
        {"uri": "/it*", "method": "GET", "client": "127.0.0.*", "status": "403"},
        {"variable": "ARGS:id", "message": "SQL Injection*"},
        {"host_asked": "shop.example.com"},
    ],
)
def test_a_suppressed_event_is_counted_as_that_and_told(match: dict[str, str]) -> None:
    taken = Taken(WafSettings(hosts=HOSTS, tuning=(entry("suppress", **match),)))
    taken.take()
    assert taken.counted() == []
    assert taken.counted("threat_waf_suppressed_total") == [{"rule_id": "942100", "reason": "known"}]
    assert taken.counted("threat_waf_records_total") == [{"engine": "modsecurity", "mode": "blocking"}]
    assert taken.line()["suppressed"] == "known"


@pytest.mark.parametrize(
    "match", [{"rule_id": "94210"}, {"uri": "/item?id=*"}, {"status": "200"}, {"variable": "ARGS:q"}]
)
def test_an_entry_that_does_not_fit_changes_nothing(match: dict[str, str]) -> None:
    taken = Taken(WafSettings(hosts=HOSTS, tuning=(entry("suppress", **match),)))
    taken.take()
    assert len(taken.counted()) == 1


def test_another_severity_is_counted_and_both_are_told() -> None:
    taken = Taken(WafSettings(hosts=HOSTS, tuning=(entry("set_severity", "notice", rule_id="942100"),)))
    taken.take()
    assert [one["severity"] for one in taken.counted()] == ["notice"]
    line = taken.line()
    assert (line["severity"], line["severity_counted"], line["severity_reason"]) == ("critical", "notice", "known")


def test_clients_are_counted_by_network_only_where_that_is_wanted() -> None:
    taken = Taken(WafSettings(hosts=HOSTS))
    taken.take(client_ip="192.0.2.77")
    assert taken.counted("threat_waf_client_events_total") == []
    taken = Taken(WafSettings(hosts=HOSTS, client_networks=True))
    taken.take(client_ip="192.0.2.77")
    taken.take(client_ip="not an address")
    expected = {"client_network": "192.0.2.0/24", "verdict": "blocked", "k8s_ns_name": "shop", "workload": "web"}
    assert taken.counted("threat_waf_client_events_total") == [expected]


def test_an_inferred_verdict_is_counted_as_such() -> None:
    taken = Taken(WafSettings())
    taken.take()
    taken.take(is_interrupted=True)
    [counted] = taken.counted("threat_waf_inferred_verdicts_total")
    assert counted == {"engine": "modsecurity", "verdict": "blocked"}
    family = taken.metrics.store.families["threat_waf_inferred_verdicts_total"]
    assert sum(one.value for one in family.samples()) == 1
