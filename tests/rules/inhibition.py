"""Who keeps back whom by an Alertmanager configuration, as it decides it: a label that is missing is empty."""

import re
from collections.abc import Mapping
from typing import Any

Labels = Mapping[str, str]

_MATCHER = re.compile(r'(\w+) *(=~|!~|!=|=) *("?)([^"]*)\3')


def _matches(matcher: str, labels: Labels) -> bool:
    found = _MATCHER.fullmatch(matcher)
    assert found, matcher
    name, operator, _, wanted = found.groups()
    value = labels.get(name, "")
    equal = re.fullmatch(wanted, value) is not None if "~" in operator else value == wanted
    return equal != operator.startswith("!")


def keeps_back(rules: list[dict[str, Any]], source: Labels, target: Labels) -> bool:
    """Whether an alert with the labels of `source` keeps back one with those of `target`."""
    return any(
        all(_matches(matcher, source) for matcher in rule["source_matchers"])
        and all(_matches(matcher, target) for matcher in rule["target_matchers"])
        and all(source.get(label, "") == target.get(label, "") for label in rule["equal"])
        for rule in rules
    )
