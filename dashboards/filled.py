"""What Grafana fills into a query before it sends it, for all who ask Prometheus without Grafana."""

import re
from collections.abc import Mapping
from datetime import timedelta

EVERYTHING = ".*"
"""What a variable stands for when all its values are chosen."""


def filled(expr: str, variables: Mapping[str, str] | None = None, span: timedelta = timedelta(hours=1)) -> str:
    """The expression for a time range of this length and a scrape every 30 seconds.

    Variables that are not given match everything; `$1` and the like are Prometheus' own.
    """
    interval = interval_of(span)
    values = {
        "__interval": f"{interval}s",
        "__interval_ms": f"{interval * 1000}",
        "__rate_interval": f"{max(interval + 30, 120)}s",
        "__range": f"{span.total_seconds():.0f}s",
        **(variables or {}),
    }
    return re.sub(
        r"\$(?:([a-z_]\w*)|\{([a-z_]\w*)\})", lambda match: values.get(match[1] or match[2], EVERYTHING), expr
    )


def interval_of(span: timedelta) -> int:
    """Seconds between two points of a graph: about a thousand points, a minute at least."""
    return max(60, int(span.total_seconds()) // 1000 // 60 * 60)
