"""PromQL selectors of our metrics that cannot name what does not exist."""

from collections.abc import Mapping

from exporter.catalog import LABELS, METRICS, TARGET_LABELS, Metric

_SUFFIXES = ("", "_bucket", "_sum", "_count")
_OPERATORS = ("=~", "!~", "!=", "=")


def where(metric: str, **labels: str) -> str:
    """A PromQL selector of one of our metrics: `where("threat_events_accepted_total", control="ids")`.

    A value is what the label must be, or begins with `=`, `!=`, `=~` or `!~` to say otherwise; a `$variable` of a board
    may stand in it. Raises ValueError on a metric, a label or a closed value that does not exist.
    """
    known = _family(metric)
    for label, value in labels.items():
        operator, wanted = _read(value)
        if label not in TARGET_LABELS:
            _check(known, label, wanted.split("|") if operator.endswith("~") else [wanted])
    return selector(metric, labels)


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """A PromQL selector of any metric; values as in `where()`, and nothing is checked."""
    read = ((label, *_read(value)) for label, value in labels.items())
    matchers = ", ".join(f'{label}{operator}"{_escaped(wanted)}"' for label, operator, wanted in read)
    return f"{metric}{{{matchers}}}" if matchers else metric


def _read(value: str) -> tuple[str, str]:
    """The operator that a value begins with, and what follows it."""
    operator = next((sign for sign in _OPERATORS if value.startswith(sign)), "")
    return operator or "=", value.removeprefix(operator)


def _family(metric: str) -> Metric:
    for suffix in _SUFFIXES:
        known = METRICS.get(metric.removesuffix(suffix)) if metric.endswith(suffix) else None
        if known is not None and (known.kind == "histogram") == (suffix != ""):
            return known
    raise ValueError(f"no metric {metric}; exporter/catalog/ has {', '.join(METRICS)} (histograms with a suffix)")


def _check(metric: Metric, label: str, wanted: list[str]) -> None:
    if label not in metric.labels and not (label == "le" and metric.kind == "histogram"):
        raise ValueError(f"{metric.name} has no label {label}; it has {', '.join(metric.labels) or 'none'}")
    closed = metric.closed.get(label) or (LABELS[label].values if label in LABELS else ())
    for value in wanted:
        # An empty value is how a label is absent; patterns and variables are for Prometheus and Grafana to fill in.
        if closed and value.replace("_", "").isalnum() and value not in closed:
            raise ValueError(f"{metric.name} has no {label} {value}; it has {', '.join(closed)}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
