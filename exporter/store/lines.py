"""The text of a series, as both text formats write it."""

from exporter.catalog import Metric
from exporter.store.ledger import Labels


def template(metric: Metric, labels: Labels) -> bytes:
    """One line of the text format (the same in OpenMetrics) with `%d` for the number."""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, labels, strict=True))
    return f"{metric.name}{{{pairs}}}".replace("%", "%%").encode() + b" %d\n"


def _escaped(value: str) -> str:
    """A label value as both text formats write it (prometheus.io, "Exposition formats"; OpenMetrics 1.0, 3.2)."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
