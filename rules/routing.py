"""The chart's routing and messages, made from alertmanager.yml: the one description, in Alertmanager's own language.

Groups, waits, inhibition and what Slack shows are the same in both. Who gets which severity in which channel, and how
often a message is repeated, is what the chart's values are for.
"""

import re
from collections.abc import Iterable
from typing import Any

_MATCHER = re.compile(r'(\w+) *(=~|!~|!=|=) *(?:"([^"\\]*)"|([^"\\]+))')

_GROUPS = ("group_by", "group_wait", "group_interval")
"""What a route says of its groups."""

_OWN = ("channel", "send_resolved")
"""What the chart's values say of a message to Slack."""


def routing(alertmanager: dict[str, Any]) -> dict[str, Any]:
    """The parts `matchers`, `routes` and `inhibitRules` of an AlertmanagerConfig, and `slack`, one of its slackConfigs.

    Raises ValueError for a route or a matcher that is not understood, rather than leave it out.
    """
    routes = [made for route in alertmanager["route"]["routes"] if (made := _route(route))]
    chosen = [matcher for route in routes for matcher in route["matchers"] if matcher["name"] == "control"]
    return {
        "matchers": [_as_object("control", "=~", "|".join(matcher["value"] for matcher in chosen))],
        "routes": routes,
        "inhibitRules": [
            {
                "sourceMatch": _matchers(rule["source_matchers"]),
                "targetMatch": _matchers(rule["target_matchers"]),
                "equal": rule["equal"],
            }
            for rule in alertmanager["inhibit_rules"]
        ],
        "slack": _slack(alertmanager["receivers"]),
    }


def _route(route: dict[str, Any]) -> dict[str, Any] | None:
    """A route by control goes to Slack, one that names an alert elsewhere; by severity the chart's values route."""
    matchers = _matchers(route["matchers"])
    match [matcher["name"] for matcher in matchers]:
        case ["control"]:
            children = [
                {"receiver": "slack", "matchers": _matchers(child["matchers"]), **groups}
                for child in route.get("routes", [])
                if (groups := _groups(child))
            ]
            made = {"receiver": "slack", "matchers": matchers, **_groups(route)}
            return made | ({"routes": children} if children else {})
        case ["alertname"]:
            return {"receiver": "nobody", "matchers": matchers}
        case ["severity"]:
            return None
        case names:
            raise ValueError(f"alertmanager.yml: the chart has no route for one that chooses by {', '.join(names)}")


def _groups(route: dict[str, Any]) -> dict[str, Any]:
    return {_camel(name): route[name] for name in _GROUPS if name in route}


def _slack(receivers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The message, which is the same for every receiver; ValueError where it is not."""
    shown = [
        {_camel(name): value for name, value in message.items() if name not in _OWN}
        for receiver in receivers
        for message in receiver.get("slack_configs", [])
    ]
    if any(message != shown[0] for message in shown):
        raise ValueError("alertmanager.yml: receivers show different messages in Slack; the chart has one for all")
    return shown[0]


def _matchers(texts: Iterable[str]) -> list[dict[str, str]]:
    made = []
    for text in texts:
        found = _MATCHER.fullmatch(text)
        if not found:
            raise ValueError(f"alertmanager.yml: {text} is no matcher that can be read here")
        name, kind, quoted, plain = found.groups()
        made.append(_as_object(name, kind, plain if quoted is None else quoted))
    return made


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


def _as_object(name: str, kind: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "matchType": kind}
