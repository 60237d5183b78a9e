"""`falco.tuning` as it is written; what it does to an alert is in `exporter/intake/tuning.py`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.catalog import LABELS, METRICS, PRIORITIES
from exporter.config.kinds import REASON, choice
from exporter.config.schema import Matching, setting

ALERT_LABELS = METRICS["threat_falco_alerts_total"].labels
"""The labels that a `match` may name; any other name is one of the alert's output_fields."""

_CLOSED = {label: ("", *LABELS[label].values) for label in ALERT_LABELS if LABELS[label].values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of `falco.tuning`: `match` maps a name to the texts of which one must fit; `*` in a text is a glob."""

    match: Mapping[str, tuple[str, ...]] = setting(Matching(_CLOSED), change="live", required=True)
    action: str = setting(choice(("suppress", "set_priority")), change="live", required=True)
    priority: str | None = setting(choice(PRIORITIES), change="live")
    reason: str = setting(REASON, change="live", required=True)

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        if self.action == "set_priority" and self.priority is None:
            yield ("priority", "action"), f"is missing: set_priority needs one of {', '.join(PRIORITIES)}"
        if self.action == "suppress" and self.priority is not None:
            yield ("priority", "action"), "has no use with action suppress: take it out, or write action: set_priority"
