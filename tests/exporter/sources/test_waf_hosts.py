"""Whom a request was for and from where it came, as a WAF's record says it."""

import json
from pathlib import Path

import pytest

from exporter.sources.waf import parse
from exporter.sources.waf_events import WafEvent, host_name, network_of

SAMPLES = Path(__file__).parents[2] / "samples" / "waf"
ONE = (SAMPLES / "modsecurity" / "on_sqli_get.json").read_bytes().strip()


def _two_hosts(name: str, header: str, said: str) -> bytes:
    """A record of a request whose header Host is not the host that the proxy went by."""
    record = json.loads((SAMPLES / name).read_text())
    if "transaction" not in record:
        record["http_request"]["http_headers"].append({"name": "host", "value": header})
        record["observables"] = [{"name": "ServerID", "type": "ServerID", "value": said}]
    elif name.startswith("coraza"):  # over HTTP/2: the header, and then `:authority`
        record["transaction"]["request"]["headers"]["host"] = [header, said]
        record["transaction"]["server_id"] = said
    else:
        record["transaction"]["request"]["headers"]["Host"] = header
        record["transaction"]["request"]["hostname"] = said
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "name",
    ["modsecurity/on_sqli_get.json", *(f"coraza/3.8.1-on{parts}/sqli_get.json" for parts in ("", "-k", "-ocsf"))],
)
def test_who_sends_another_host_in_the_header_lays_his_attack_on_nobody(name: str) -> None:
    [event] = parse(_two_hosts(name, "victim.example.org", "Shop.example.com:443"), 10)
    assert event.fields.text("host_asked") == "shop.example.com"  # type: ignore[union-attr]
    for silent in ("", None, 7):
        [event] = parse(_two_hosts(name, "shop.example.com", silent), 10)  # type: ignore[arg-type]
        assert event.fields.text("host_asked") == "shop.example.com"  # type: ignore[union-attr]


def test_the_address_of_the_server_is_no_host_that_was_asked_for() -> None:
    """ModSecurity's `hostname`, where the connector does not say one."""
    address = json.loads(ONE)["transaction"]["host_ip"]
    [event] = parse(_two_hosts("modsecurity/on_sqli_get.json", "shop.example.com", address), 10)
    assert isinstance(event, WafEvent)
    assert event.fields.text("host_asked") == "shop.example.com"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Shop.Example.com:8443", "shop.example.com"),
        ("shop.example.com.", "shop.example.com"),
        ("[::1]:80", "[::1]"),
        ("", ""),
        (" a ", "a"),
        ("BAC\u212a.Example.com", "bac\u212a.example.com"),
        ("a.example.com\u00a0", "a.example.com\u00a0"),
    ],
)
def test_a_host_is_a_name(sent: str, name: str) -> None:
    assert host_name(sent) == name


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::5", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_a_client_has_a_network(client: str, network: str) -> None:
    assert network_of(client) == network
