"""A real nginx with ModSecurity writes a file, a real log shipper posts it: all is counted exactly, nothing is lost."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.servers import wait_for
from tests.support.receiver import Receiver, receiver
from tests.waf.attacks import ATTACKS, BENIGN, OWN_ERRORS
from tests.waf.counting import CONFIG, LAST, attack, counted, events, wait_for_events
from tests.waf.nginx import Nginx, audit_file
from tests.waf.receivers import NEVER
from tests.waf.receivers import Receiver as Hanging
from tests.waf.syslog_ng import FORMS, SyslogNg

Tool = Callable[[str], Path]

SAMPLES = Path(__file__).parents[1] / "samples" / "waf"

CASES = (*BENIGN, *OWN_ERRORS, *ATTACKS, LAST)


@pytest.fixture
def audit_log(tool: Tool, tmp_path: Path) -> Path:
    """A file with the records of all cases, written by a firewall that blocks."""
    path = tmp_path / "audit.log"
    with Nginx(tool("nginx"), tmp_path / "nginx", audit_file(path)) as nginx:
        attack(nginx.port, CASES, 403)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_batch_is_counted_exactly(
    tool: Tool, tmp_path: Path, exporter: Receiver, audit_log: Path, form: str
) -> None:
    url = f"http://127.0.0.1:{exporter.intake}/waf"
    with SyslogNg(tool("syslog-ng"), tmp_path / "shipper", audit_log, url, form):
        wait_for_events(exporter, events("modsecurity", "blocked", CASES).total())
    assert counted(exporter) == events("modsecurity", "blocked", CASES)
    records = sum(bool(case.attack) for case in CASES) + len(OWN_ERRORS)
    assert exporter.value("threat_waf_records_total", mode="blocking") == records
    assert exporter.value("threat_events_rejected_total", control="waf") == 0
    if form == "kubernetes":
        # A shipper that knows the pod says on which node the proxy is; the proxy's namespace is not the attacked one.
        assert exporter.value("threat_last_event_timestamp_seconds", control="waf", hostname="node-7") > 0
        assert '"proxy":"proxy-0"' in exporter.get("/api/v1/events")[2].decode()


def test_what_was_attacked_while_the_exporter_was_away_is_counted_when_it_is_back(tool: Tool, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with receiver(tmp_path / "first", **CONFIG) as first:
        port = first.intake
        url = f"http://127.0.0.1:{port}/waf"
        nginx = Nginx(tool("nginx"), tmp_path / "nginx", audit_file(log))
        with nginx, SyslogNg(tool("syslog-ng"), tmp_path / "shipper", log, url, "ndjson"):
            wait_for_events(first, attack(nginx.port, [*ATTACKS[:3]], 403))
            first.stop()
            attack(nginx.port, [*ATTACKS[3:], LAST], 403)
            again = {**CONFIG, "intake": {"listen": f"127.0.0.1:{port}"}}
            with receiver(tmp_path / "second", **again) as second:
                rest = events("modsecurity", "blocked", [*ATTACKS[3:], LAST])
                wait_for_events(second, rest.total())
                assert counted(second) == rest


def test_no_request_waits_for_an_exporter_that_does_not_answer(tool: Tool, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with (
        Hanging(NEVER) as hanging,
        Nginx(tool("nginx"), tmp_path / "nginx", audit_file(log)) as nginx,
        SyslogNg(tool("syslog-ng"), tmp_path / "shipper", log, hanging.url, "ndjson"),
    ):
        attack(nginx.port, ATTACKS[:1], 403)
        assert wait_for(hanging.asked.is_set, 60), "the shipper has not posted the first record"
        attack(nginx.port, [*BENIGN, *ATTACKS, *BENIGN], 403)
        # All of them were answered while the shipper still waits.
        assert not hanging.released.is_set()


def test_a_burst_of_long_records_is_posted_in_bodies_that_are_taken(
    tool: Tool, tmp_path: Path, exporter: Receiver
) -> None:
    """A hundred records of 20 KB are two bodies' worth: as one they would be refused whole."""
    record = json.loads((SAMPLES / "modsecurity" / "on_sqli_get.json").read_bytes())
    record["transaction"]["request"]["headers"]["X-Long"] = "x" * 20_000
    log = tmp_path / "audit.log"
    log.write_bytes((json.dumps(record).encode() + b"\n") * 200)
    with SyslogNg(tool("syslog-ng"), tmp_path / "shipper", log, f"http://127.0.0.1:{exporter.intake}/waf", "ndjson"):
        wait_for_events(exporter, 200)
    assert exporter.value("threat_waf_records_total", mode="blocking") == 200
    assert exporter.value("threat_events_rejected_total", control="waf") == 0
