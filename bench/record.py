"""Audit records of 3.5 KB, as libmodsecurity wrote one of an SQL injection that it blocked."""

from collections.abc import Iterator
from itertools import count

from demo.servers import ROOT

_RECORDED = (ROOT / "tests" / "samples" / "waf" / "modsecurity" / "on_sqli_get.json").read_bytes()

HOSTS = {"hosts": {"shop.example.com": {"namespace": "shop", "workload": "web"}}}
"""The `waf` section that knows the record's host."""


def records() -> Iterator[bytes]:
    """Records of ever other clients and requests."""
    for number in count():
        client = f"10.{number % 200}.{number // 200 % 200}.7".encode()
        body = _RECORDED.replace(b'"client_ip":"127.0.0.1"', b'"client_ip":"%b"' % client)
        yield body.replace(b"/item?id=", b"/item/%d?id=" % number)
