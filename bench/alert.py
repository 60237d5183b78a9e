"""Bodies of the shape and size that Falco sends: about 1.1 KB, a process in a container with all default fields."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count

from demo.falco import FalcoAlert

_RULES = (
    ("Terminal shell in container", "Notice", "mitre_execution"),
    ("Read sensitive file untrusted", "Warning", "mitre_credential_access"),
    ("Contact K8S API Server From Container", "Notice", "mitre_discovery"),
    ("Drop and execute new binary in container", "Critical", "mitre_persistence"),
    ("Launch Suspicious Network Tool in Container", "Warning", "mitre_lateral_movement"),
)
_NODES = 20
_NAMESPACES = 100
"""Enough that no rule takes more than its share of the series of a namespace."""


def body(number: int) -> bytes:
    """The alert with this number; no two numbers share a pod."""
    rule, priority, tactic = _RULES[number % len(_RULES)]
    alert = FalcoAlert(
        rule=rule,
        priority=priority,
        node=f"node-{number % _NODES}",
        namespace=f"team-{number % _NAMESPACES}",
        pod=f"web-{f'{number:010x}'.translate(_RANDOM)}-x7k2p",
        image="registry.example/shop/web:1.27.3",
        says="A process was started that this container has never run before",
        tags=("container", "maturity_stable", tactic, "T1059"),
        fields={
            "evt.type": "execve",
            "user.name": "www-data",
            "user.uid": 33,
            "user.loginuid": -1,
            "proc.name": "sh",
            "proc.exepath": "/usr/bin/dash",
            "proc.pname": "nginx",
            "proc.cmdline": "sh -c id; uname -a; cat /etc/passwd",
            "proc.tty": 34816,
            "evt.arg.flags": "EXE_WRITABLE|EXE_LOWER_LAYER",
        },
    )
    return _compact(alert.body(datetime.now(UTC)))


_RANDOM = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")
"""The characters that Kubernetes draws names from."""


def batch(numbers: Iterable[int]) -> bytes:
    """Alerts as one array."""
    return b"[" + b",".join(map(body, numbers)) + b"]"


def bodies(first: int = 0) -> Iterator[bytes]:
    """Alerts of ever new pods."""
    return map(body, count(first))


def _compact(text: bytes) -> bytes:
    """As Falco writes JSON: without blanks."""
    return json.dumps(json.loads(text), separators=(",", ":")).encode()
