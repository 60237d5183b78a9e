"""What the chart prints for a firewall works as it is printed: in a real nginx with ModSecurity, to a real exporter."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.servers import ServerError
from tests.helm.test_notes import directives
from tests.support.receiver import Receiver
from tests.waf.attacks import ATTACKS, BENIGN, OWN_ERRORS
from tests.waf.counting import LAST, attack, counted, events, wait_for_events
from tests.waf.nginx import Nginx, audit_url
from tests.waf.syslog_ng import SyslogNg

Tool = Callable[[str], Path]

CASES = (*BENIGN, *OWN_ERRORS, *ATTACKS, LAST)
WAF: dict[str, Any] = {"controls": {"waf": True}}
SERVICE = "threatboard.monitoring.svc:2801"


def test_the_standard_way(tool: Tool, tmp_path: Path, exporter: Receiver) -> None:
    log = tmp_path / "audit.log"
    lines = tuple(line.replace("/dev/stdout", str(log)) for line in directives(WAF)["modsecurity"])
    with Nginx(tool("nginx"), tmp_path / "nginx", lines) as nginx:
        attack(nginx.port, CASES, 403)
    url = f"http://127.0.0.1:{exporter.intake}/waf"
    with SyslogNg(tool("syslog-ng"), tmp_path / "shipper", log, url, "ndjson"):
        wait_for_events(exporter, events("modsecurity", "blocked", CASES).total())
    assert counted(exporter) == events("modsecurity", "blocked", CASES)
    for line in log.read_bytes().splitlines():
        transaction = json.loads(line.decode(errors="replace"))["transaction"]
        assert "body" not in transaction["request"]
        assert "body" not in transaction["response"]


def quick(made: dict[str, list[str]], port: int) -> tuple[str, ...]:
    """The directives, with those of the quick way in the place of their like, for an exporter on this port."""
    replaced = {line.split()[0]: line for line in made["modsecurity-quick"]}
    lines = (replaced.get(line.split()[0], line) for line in made["modsecurity"])
    return tuple(line.replace(SERVICE, f"127.0.0.1:{port}") for line in lines)


def test_the_quick_way(tool: Tool, tmp_path: Path, exporter: Receiver) -> None:
    with Nginx(tool("nginx"), tmp_path / "nginx", quick(directives(WAF), exporter.intake)) as nginx:
        wait_for_events(exporter, attack(nginx.port, CASES, 403))
    assert counted(exporter) == events("modsecurity", "blocked", CASES)


def test_modsecurity_takes_no_credentials_in_an_address(tool: Tool, tmp_path: Path) -> None:
    """Else the notes could print the quick way for an intake with a token, too."""
    address = audit_url("http://threatboard:TOKEN@127.0.0.1:2801/waf")
    with pytest.raises(ServerError), Nginx(tool("nginx"), tmp_path / "nginx", address):
        pass
    assert "Invalid input:  @127.0.0.1:2801/waf" in (tmp_path / "nginx" / "error.log").read_text()
