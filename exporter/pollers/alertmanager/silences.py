"""Silences of Alertmanager: which alerts they match, and the verdict that their comment gives.

Alertmanager has no acknowledgement. What teams do instead is a silence whose comment begins with what they found:
`ACK`, `FP: reason`, `TP: reason` or `BREACH: reason`; or, where Alertmanager has them (0.32), a silence with an
annotation `verdict`. Matchers are those of https://prometheus.io/docs/alerting/latest/configuration/#matcher.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exporter.pollers.patterns import matches

Labels = Mapping[str, str]

_WORDS = {"fp": "false_positive", "tp": "true_positive", "breach": "breach"}
_NAMES = {**_WORDS, **{name: name for name in _WORDS.values()}}
_COMMENT = re.compile(r"\s*(FP|TP|BREACH)\s*:", re.IGNORECASE)

ANNOTATION = "verdict"

SKEW = 5.0
"""Seconds by which clocks of Prometheus, Alertmanager and this program may differ."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that an alert lacks is empty."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool

    def matches(self, labels: Labels) -> bool:
        value = labels.get(self.name, "")
        found = matches(self.value, value) if self.is_regex else value == self.value
        return found is not None and found == self.is_equal


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence, whether it is still active or not. Times are Unix times in seconds.

    `alertname` is the one alert that it names by equality, or empty: a verdict is only taken of a silence that names
    one, or a silence over everything would judge everything.
    """

    id: str
    starts: float
    ends: float
    updated: float
    matchers: tuple[Matcher, ...]
    verdict: str = ""
    alertname: str = ""

    @property
    def named(self) -> frozenset[str]:
        """The labels whose value it names."""
        return frozenset(one.name for one in self.matchers if one.is_equal and not one.is_regex)

    def matches(self, labels: Labels) -> bool:
        """Whether it holds an alert with these labels. One with several sets of matchers shows none, and holds none."""
        return bool(self.matchers) and all(one.matches(labels) for one in self.matchers)

    @property
    def planned(self) -> bool:
        """It was made for a later time: nobody looked at what it then found."""
        return self.updated < self.starts - SKEW


def read(found: Mapping[str, Any]) -> Silence:
    """A silence as `GET /api/v2/silences` has it; raises KeyError, TypeError or ValueError for anything else."""
    matchers = tuple(
        Matcher(str(one["name"]), str(one["value"]), bool(one["isRegex"]), bool(one.get("isEqual", True)))
        for one in found["matchers"]
    )
    named = {one.value for one in matchers if one.name == "alertname" and one.is_equal and not one.is_regex}
    return Silence(
        str(found["id"]),
        timestamp(found["startsAt"]),
        timestamp(found["endsAt"]),
        timestamp(found["updatedAt"]),
        matchers,
        verdict(str(found.get("comment") or ""), found.get("annotations") or {}),
        named.pop() if len(named) == 1 else "",
    )


def verdict(comment: str, annotations: Mapping[str, Any]) -> str:
    """One of `catalog.kpi.JUDGEMENTS`, or empty: the annotation goes before the comment."""
    given = _NAMES.get(str(annotations.get(ANNOTATION, "")).strip().lower())
    if given is not None:
        return given
    match = _COMMENT.match(comment)
    return _WORDS[match[1].lower()] if match else ""


def timestamp(text: str) -> float:
    """The Unix time of an RFC 3339 text; Go's zero time is 0. Raises ValueError."""
    try:
        return max(0.0, datetime.fromisoformat(text).timestamp())
    except OverflowError:
        return 0.0
