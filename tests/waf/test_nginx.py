"""A real nginx with ModSecurity and the Core Rule Set posts its records to a real exporter: it counts them exactly."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.receiver import Receiver
from tests.waf.attacks import ATTACKS, BENIGN, OWN_ERRORS, Case
from tests.waf.counting import LAST, attack, counted, events, wait_for_events
from tests.waf.nginx import Nginx, audit_url

Tool = Callable[[str], Path]

CASES = (*BENIGN, *OWN_ERRORS, *ATTACKS, *BENIGN, LAST)


def url(exporter: Receiver) -> str:
    return f"http://127.0.0.1:{exporter.intake}/waf"


@pytest.mark.parametrize(
    ("engine", "mode", "status", "verdict"),
    [("On", "blocking", 403, "blocked"), ("DetectionOnly", "detection_only", 200, "detected")],
)
def test_every_attack_is_one_event_and_nothing_else_is(
    tool: Tool, tmp_path: Path, exporter: Receiver, engine: str, mode: str, status: int, verdict: str
) -> None:
    with Nginx(tool("nginx"), tmp_path / "nginx", audit_url(url(exporter)), engine) as nginx:
        attacks = attack(nginx.port, CASES, status)
        wait_for_events(exporter, attacks)
    assert counted(exporter) == events("modsecurity", verdict, CASES)
    # The application's own errors are recorded as well, and are no events.
    assert exporter.value("threat_waf_records_total") == attacks + len(OWN_ERRORS)
    assert exporter.value("threat_waf_records_total", engine="modsecurity", mode=mode) == attacks + len(OWN_ERRORS)
    assert exporter.value("threat_events_rejected_total", control="waf") == 0
    # This ModSecurity does not say what became of a request; that it only detects, it does say.
    assert exporter.value("threat_waf_inferred_verdicts_total") == (attacks if engine == "On" else 0)


OTHER_HOST = (*(case for case in ATTACKS if case.host == b"evil.example.net"), LAST)

IDENTITY = 'modsecurity_transaction_id "shop_checkout_$request_id";'
TAGS = ("k8s-ns/shop", "k8s-workload/checkout")


@pytest.mark.parametrize(("identity", "tags"), [(IDENTITY, ()), ("", TAGS)], ids=["transaction", "tags"])
def test_the_firewall_may_name_the_workload_of_a_host_that_is_not_configured(
    tool: Tool, tmp_path: Path, exporter: Receiver, identity: str, tags: tuple[str, ...]
) -> None:
    audit = audit_url(url(exporter))
    with Nginx(tool("nginx"), tmp_path / "nginx", audit, identity=identity, tags=tags) as nginx:
        wait_for_events(exporter, attack(nginx.port, OTHER_HOST, 403))
    found = {(event.host, event.k8s_ns_name, event.workload) for event in counted(exporter)}
    # waf.hosts goes before what the firewall says.
    assert found == {("other", "shop", "checkout"), ("*.example.org", "api", "gateway")}


def test_the_line_of_an_event_says_who_asked_for_what(tool: Tool, tmp_path: Path, exporter: Receiver) -> None:
    case = Case("search", b"/search?q=%3Cscript%3Ealert(1)%3C/script%3E&token=s3cr3t", "xss")
    with Nginx(tool("nginx"), tmp_path / "nginx", audit_url(url(exporter))) as nginx:
        wait_for_events(exporter, attack(nginx.port, [case], 403))
    line = exporter.get("/api/v1/events")[2].decode()
    assert "s3cr3t" not in line
    assert '"variable":"ARGS:q"' in line
    assert "shop.example.com" in line
