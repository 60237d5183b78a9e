"""What a WAF says, once it was parsed: what was found in a request, or that nothing was; what each counts and tells."""

from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import islice
from string import ascii_lowercase, ascii_uppercase
from typing import NamedTuple

from exporter.sources import Counters, Line, waf_secrets
from exporter.sources.text import MAX_TEXT_BYTES, clean
from exporter.sources.waf_places import Place
from exporter.sources.waf_records import Record
from exporter.sources.waf_rules import Finding

_MAX_RULES = 32
_CUT = 2048


class Details:
    """What is read of a record beside the labels, a few KB of text: each part is cleaned when it is asked for."""

    __slots__ = ("_asked", "_client", "_data", "_message", "_method", "_numbers", "_proxy", "_status", "_uri")

    def __init__(self, record: Record, finding: Finding | None, proxy: str) -> None:
        self._asked = _sent(record.host)
        self._client = _sent(record.client)
        self._method = _sent(record.method)
        self._uri = _sent(record.uri)
        self._status = record.status
        self._numbers = list(islice(dict.fromkeys([one.number for one in record.findings]), _MAX_RULES))
        self._data = _sent(finding.data) if finding else ""
        self._message = _sent(finding.message) if finding else ""
        self._proxy = proxy

    def text(self, name: str) -> str:
        """A part by the name that tuning has for it; empty where there is none."""
        match name:
            case "uri":
                return clean(self.path, MAX_TEXT_BYTES)
            case "method":
                return clean(self._method)
            case "client":
                return clean(self._client)
            case "status":
                return str(self._status or "")
            case "host_asked":
                return clean(self.host)
            case "variable":
                return clean(waf_secrets.variable(self._data))
            case "message":
                return clean(self._message)
        return ""

    @property
    def path(self) -> str:
        """The path that the client asked for, as it was sent."""
        return self._uri.partition("?")[0]

    @property
    def host(self) -> str:
        """The host that the client asked for: in lower case, without port and final dot."""
        return host_name(self._asked)

    def describe(self) -> Line:
        """What the client asked for and what was found in it."""
        return {
            "host": clean(self.host),
            "client": clean(self._client),
            "method": clean(self._method),
            "uri": clean(waf_secrets.uri(self._uri), MAX_TEXT_BYTES),
            "status": str(self._status or ""),
            "rules": ",".join(map(str, self._numbers)),
            "variable": clean(waf_secrets.shown_variable(self._data)),
            "data": clean(waf_secrets.matched(self._data), MAX_TEXT_BYTES),
            "proxy": self._proxy,
        }


class WafEvent(NamedTuple):
    """A request in which a WAF found something. The first eight fields are the labels of `threat_waf_events_total`.

    `hostname` is the node of the proxy where a shipper says it, `time` a Unix time in seconds, None where the record
    does not tell. `inferred`: the record does not say what became of the request. `named` is the workload by the WAF's
    own configuration; `host` and the labels of the workload are for `waf.hosts` to fill in.
    """

    engine: str
    class_: str
    rule_id: str
    severity: str
    verdict: str
    host: str
    k8s_ns_name: str
    workload: str
    hostname: str
    time: float | None
    mode: str
    inferred: bool
    named: Place
    fields: Details

    def tally(self, counters: Counters) -> None:
        counters.add("threat_waf_events_total", self[:8])
        self.tally_record(counters)

    def tally_record(self, counters: Counters) -> None:
        """Moves what counts records, whatever tuning makes of them."""
        counters.add("threat_waf_records_total", (self.engine, self.mode))
        if self.inferred:
            counters.add("threat_waf_inferred_verdicts_total", (self.engine, self.verdict))

    def describe(self) -> Line:
        """Who asked for what, what was found in it, and what became of it."""
        message = self.fields.text("message") or (
            f"Rule {self.rule_id}" if self.rule_id else "A rule that the record does not name"
        )
        became = "blocked" if self.verdict == "blocked" else "let through"
        return {
            "time": self.time,
            "rule": self.rule_id,
            "severity": self.severity,
            "class": self.class_,
            "verdict": self.verdict,
            "verdict_inferred": "yes" if self.inferred else "",
            "engine": self.engine,
            "namespace": self.k8s_ns_name,
            "workload": self.workload,
            "node": self.hostname,
            **self.fields.describe(),
            "output": f"{message}: {became}",
        }


class CleanRecord(NamedTuple):
    """A record of a request in which the WAF found nothing: it is told to record refusals and faults as well."""

    engine: str
    hostname: str
    time: float | None
    mode: str
    fields: Details

    def tally(self, counters: Counters) -> None:
        counters.add("threat_waf_records_total", (self.engine, self.mode))

    def describe(self) -> Line:
        """Who asked for what, and that nothing was found."""
        return {
            "time": self.time,
            "verdict": "clean",
            "engine": self.engine,
            "node": self.hostname,
            **self.fields.describe(),
            "output": f"The WAF found nothing; the answer was {self.fields.text('status') or 'not recorded'}",
        }


def _sent(value: object) -> str:
    return value[:_CUT] if type(value) is str else ""


_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def host_name(sent: str) -> str:
    """A Host header as the name that it asks for: lower case, no port, no final dot, IPv6 in its brackets."""
    # As proxies do it, which know ASCII alone: to Python the sign for Kelvin (U+212A) is a capital k.
    name = sent.strip(" \t")
    name = name.lower() if name.isascii() else name.translate(_LOWER)
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].rstrip(".")


@lru_cache(maxsize=4096)
def network_of(client: str) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6; empty for what is no address."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return ""
    mapped = address if isinstance(address, IPv4Address) else address.ipv4_mapped or address
    return str(ip_network(f"{mapped}/{24 if isinstance(mapped, IPv4Address) else 48}", strict=False))
