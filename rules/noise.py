"""The one knob against an alert's noise, which its page names under False Positives, turns something of this alert."""

import re

from rules.named import Words
from rules.sections import KNOB, noise
from rules.tree import Rule, Tree

_OF_ALERTS = re.compile(r"rules\.overrides\.(\w+)\.(\w+)")
_OVERRIDES = ("enabled", "for", "threshold")
"""What the chart's `rules.overrides` can change of an alert to make it less noisy."""


def knobs(tree: Tree) -> frozenset[str]:
    """The knobs of the chart that concern single alerts."""
    return frozenset(f"rules.overrides.{alert.name}.{key}" for alert in tree.alerts for key in _OVERRIDES)


def faults(alert: Rule, false_positives: str, words: Words) -> list[str]:
    """A page without a knob, or with one that does not turn anything of this alert."""
    what, knob = noise(false_positives)
    if not what or not knob:
        return ["False Positives say no sentence and no **The knob.** with a setting"]
    if len(KNOB.findall(false_positives)) > 1:
        return ["has more than one knob"]
    override = _OF_ALERTS.fullmatch(knob)
    if override and override[1] != alert.name:
        return [f"the knob is that of {override[1]}"]
    if override and override[2] == "threshold" and "threat:threshold" not in alert.expr:
        return ["the knob is a threshold that it does not have"]
    if knob == "rules.excluded" and "threat:excluded" not in alert.expr:
        return ["the knob is an exclusion that it does not look at"]
    return [] if knob in words.all else [f"the knob `{knob}` does not exist"]
