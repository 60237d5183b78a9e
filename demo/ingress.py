"""Metrics of the ingress controller that the WAF is part of: who comes through, by what was answered."""

from demo.cluster import VICTIM
from demo.series import Row, Target

REQUESTS = {"200": 20.0, "302": 2.0, "403": 0.05, "404": 0.6}
"""Status -> requests per second."""


def targets() -> tuple[Target, ...]:
    """One controller of ingress-nginx, in front of the shop."""
    place = {"namespace": "ingress", "pod": "ingress-nginx-controller-6d8f5c9b7-m2wzk"}
    labels = {**place, "job": "ingress-nginx", "instance": "10.0.1.30:10254"}
    own = {"ingress": VICTIM.workload, "service": VICTIM.workload, "method": "GET", "path": "/", "canary": ""}
    rows = (
        Row("nginx_ingress_controller_requests", {**own, "status": status}, rate) for status, rate in REQUESTS.items()
    )
    return (Target("/ingress", labels, tuple(rows)),)
