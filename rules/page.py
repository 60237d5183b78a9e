"""The page of an alert: the nine sections of an alerting and detection strategy, the response first."""

import json
import re
from collections.abc import Mapping

from exporter import catalog
from rules.promql import Series
from rules.promql import faults as query_faults
from rules.tree import Rule

SECTIONS = (
    "Response",
    "Goal",
    "Categorization",
    "Strategy Abstract",
    "Technical Context",
    "Blind Spots and Assumptions",
    "False Positives",
    "Validation",
    "Priority",
)
"""Palantir's nine sections, in the order in which a person who was woken needs them."""

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TECHNIQUE = re.compile(r"\b(TA\d{4}|T\d{4}(?:\.\d{3})?)\b([^,;\n]*)")
_PAYLOAD = re.compile(r"-d '(\{.*?\})'", re.DOTALL)
_SHORTEST = 20


def sections(text: str) -> dict[str, str]:
    """Heading -> text of each second-level section, in order."""
    parts = _HEADING.split(text)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def faults(alert: Rule, series: Mapping[str, Series], techniques: Mapping[str, str]) -> list[str]:
    """What is wrong with an alert's page; `techniques` maps an ATT&CK id to its name."""
    text = alert.page.read_text(encoding="utf-8")
    parts = sections(text)
    if tuple(parts) != SECTIONS:
        return [f"sections are {', '.join(parts)}"]
    found = [] if text.startswith(f"# {alert.name}\n") else ["the title is not the alert's name"]
    found += [f"section {title} says nothing" for title, body in parts.items() if len(body) < _SHORTEST]
    if not parts["Response"].startswith("**First five minutes.**"):
        found.append("the response does not begin with the first five minutes")
    if not parts["Priority"].lower().startswith(alert.labels["severity"]):
        found.append(f"the priority does not begin with the severity {alert.labels['severity']}")
    return found + _technique_faults(parts["Categorization"], techniques) + _fence_faults(parts, text, series)


def _technique_faults(text: str, techniques: Mapping[str, str]) -> list[str]:
    named = _TECHNIQUE.findall(text)
    found = [] if named else ["no ATT&CK id"]
    for number, rest in named:
        if number not in techniques:
            found.append(f"{number} is not in rules/attack.yaml")
        elif rest.strip() != techniques[number]:
            found.append(f"{number} is {techniques[number]!r}, not {rest.strip()!r}")
    return found


def _fence_faults(parts: Mapping[str, str], text: str, series: Mapping[str, Series]) -> list[str]:
    found = [
        f"query: {fault}"
        for language, body in _FENCE.findall(text)
        if language == "promql"
        for query in body.strip().split("\n\n")
        for fault in query_faults(query, series)
    ]
    if not any(language == "promql" for language, _ in _FENCE.findall(parts["Response"])):
        found.append("the response has no query")
    commands = [body for language, body in _FENCE.findall(parts["Validation"]) if language == "sh"]
    if not commands:
        found.append("the validation has no command")
    for payload in _PAYLOAD.findall("\n".join(commands)):
        found += _payload_faults(payload)
    return found


def _payload_faults(payload: str) -> list[str]:
    try:
        event = json.loads(payload)
    except ValueError as error:
        return [f"the validation sends no JSON: {error}"]
    if str(event.get("priority", "")).lower() not in catalog.PRIORITIES or not event.get("rule"):
        return ["the validation sends no Falco alert"]
    return []
