"""What the page of an alert is made of: its sections, and what docs/alerts.md takes from it. Knows no PromQL."""

import re
from typing import NamedTuple

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
KNOB = re.compile(r"^\*\*The knob\.\*\* `([^`]+)`", re.MULTILINE)
_SENTENCE = re.compile(r".+?[.](?= [A-Z]|\s*$)", re.DOTALL)


class Noise(NamedTuple):
    """The first sentence about what is no attack, and the setting to turn; empty where the page lacks one."""

    what: str
    knob: str


def sections(text: str) -> dict[str, str]:
    """Heading -> text of each second-level section, in order."""
    parts = _HEADING.split(text)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def noise(false_positives: str) -> Noise:
    """What a section False Positives says."""
    knob = KNOB.search(false_positives)
    sentence = _SENTENCE.match(KNOB.split(false_positives)[0].strip())
    return Noise(" ".join(sentence[0].split()) if sentence else "", knob[1] if knob else "")
