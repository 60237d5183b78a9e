"""`waf.hosts` as it is written: a host, or a glob of hosts, and the workload that serves it."""

import re
from dataclasses import dataclass

from exporter.catalog import MAX_LABEL_BYTES
from exporter.config.kinds import Scalar
from exporter.config.schema import setting

_HOST = re.compile(r"[a-z0-9_*:.\[\]-]+")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")


def _host(text: str) -> str:
    if not _HOST.fullmatch(text) or len(text) > MAX_LABEL_BYTES or text == "other":
        raise ValueError(
            "must be a host in lower case without scheme, port and path, such as shop.example.com or *.example.com"
        )
    if text.strip("*") in ("", "."):
        raise ValueError("fits every host, also those that are not yours: name a domain, such as *.example.com")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or len(text) > MAX_LABEL_BYTES:
        raise ValueError(f"must be a name as Kubernetes has them, not {text!r}")
    return text


HOST = Scalar("host", _host)
NAME = Scalar("name", _name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """Who serves a host."""

    namespace: str = setting(NAME, change="live", required=True)
    workload: str = setting(NAME, change="live", required=True)
