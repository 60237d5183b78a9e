"""What makes an alert noisy, and the one knob for that, as its page says under False Positives."""

import re
from typing import NamedTuple

from rules.named import Words
from rules.tree import Rule, Tree

_KNOB = re.compile(r"^\*\*The knob\.\*\* `([^`]+)`", re.MULTILINE)
_SENTENCE = re.compile(r".+?[.](?= [A-Z]|\s*$)", re.DOTALL)
_OF_ALERTS = re.compile(r"rules\.overrides\.(\w+)\.(\w+)")
_OVERRIDES = ("enabled", "for", "threshold")
"""What the chart's `rules.overrides` can change of an alert to make it less noisy."""


class Noise(NamedTuple):
    """The first sentence about what is no attack, and the setting to turn; empty where the page lacks one."""

    what: str
    knob: str


def noise(false_positives: str) -> Noise:
    """What a section False Positives says."""
    knob = _KNOB.search(false_positives)
    sentence = _SENTENCE.match(_KNOB.split(false_positives)[0].strip())
    return Noise(" ".join(sentence[0].split()) if sentence else "", knob[1] if knob else "")


def knobs(tree: Tree) -> frozenset[str]:
    """The knobs of the chart that concern single alerts."""
    return frozenset(f"rules.overrides.{alert.name}.{key}" for alert in tree.alerts for key in _OVERRIDES)


def faults(alert: Rule, false_positives: str, words: Words) -> list[str]:
    """A page without a knob, or with one that does not turn anything of this alert."""
    what, knob = noise(false_positives)
    if not what or not knob:
        return ["False Positives say no sentence and no **The knob.** with a setting"]
    if len(_KNOB.findall(false_positives)) > 1:
        return ["has more than one knob"]
    override = _OF_ALERTS.fullmatch(knob)
    if override and override[1] != alert.name:
        return [f"the knob is that of {override[1]}"]
    if override and override[2] == "threshold" and "threat:threshold" not in alert.expr:
        return ["the knob is a threshold that it does not have"]
    if knob == "rules.excluded" and "threat:excluded" not in alert.expr:
        return ["the knob is an exclusion that it does not look at"]
    return [] if knob in words.all else [f"the knob `{knob}` does not exist"]
