"""The workload that a request was for, where the WAF's own configuration names it."""

import re
from typing import NamedTuple

from exporter.sources.waf_records import Record
from exporter.sources.waf_rules import Finding

_NAME = "[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
# `_` cannot be in a name of Kubernetes, and `.` and `/` cannot be in an identity that ingress-nginx takes.
_IDENTITY = re.compile(f"({_NAME})_({_NAME})_.+")
MARK = b"k8s-ns"
"""Where this is not in a body, no tag in it names a workload."""

_OURS = "k8s-"
_NAMESPACE_TAG = "k8s-ns/"
_WORKLOAD_TAG = "k8s-workload/"


class Place(NamedTuple):
    """A workload; empty where it is not known."""

    k8s_ns_name: str = ""
    workload: str = ""


_NOWHERE = Place()


def named(record: Record, tagged: bool) -> Place:
    """The workload in the transaction's identity, which ingress-nginx lets an Ingress choose, or in the rules' tags.

    `tagged`: there may be such tags.
    """
    identity = record.identity
    found = _IDENTITY.fullmatch(identity) if type(identity) is str and "_" in identity else None
    if found is not None:
        return Place(found[1], found[2])
    return _tagged(record.findings) if tagged else _NOWHERE


def _tagged(findings: list[Finding]) -> Place:
    namespace = workload = ""
    for finding in findings:
        tags = finding.tags if type(finding.tags) is list else []
        for tag in [tag for tag in tags if type(tag) is str and tag[: len(_OURS)] == _OURS]:
            if tag.startswith(_NAMESPACE_TAG):
                namespace = namespace or tag[len(_NAMESPACE_TAG) :]
            elif tag.startswith(_WORKLOAD_TAG):
                workload = workload or tag[len(_WORKLOAD_TAG) :]
    return Place(_name(namespace), _name(workload) if namespace else "")


def _name(text: str) -> str:
    return text if re.fullmatch(_NAME, text) else ""
