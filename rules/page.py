"""The page of an alert: the nine sections of an alerting and detection strategy, the response first.

What the responses have in common is `alerts/first-response.md`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from exporter import catalog
from rules import commands, named, noise
from rules.promql import Series, known
from rules.promql import faults as query_faults
from rules.sections import sections
from rules.tree import Rule, Tree

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

PARTS = ("**First five minutes.** ", "**Who else.** ", "**It was nothing.** ")
"""What a response says beside its commands: what to decide, whom to call, and what to do when it was nothing."""

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TECHNIQUE = re.compile(r"\b(TA\d{4}|T\d{4}(?:\.\d{3})?)\b([^,;\n]*)")
_PAYLOAD = re.compile(r"-d '(\{.*?\})'", re.DOTALL)
_SHORTEST = 20


@dataclass(frozen=True)
class Known:
    """What pages are held against; `techniques` maps an ATT&CK id to its name, `given` is what a reader has set."""

    series: Mapping[str, Series]
    techniques: Mapping[str, str]
    words: named.Words
    given: frozenset[str]


def first_response(tree: Tree) -> Path:
    """The page that the others link to."""
    return tree.root / "alerts" / "first-response.md"


def told(tree: Tree) -> Known:
    """What is known of these rules."""
    return Known(
        known(tree.root / "external.yaml", tree.recordings),
        yaml.safe_load((tree.root / "attack.yaml").read_text(encoding="utf-8")),
        named.words(tree, noise.knobs(tree)),
        commands.names(first_response(tree).read_text(encoding="utf-8")),
    )


def shared_faults(text: str, known: Known) -> list[str]:
    """What can be wrong with any page for the person who was woken."""
    return named.faults(text, known.words) + commands.faults(text, known.given)


def faults(alert: Rule, known: Known) -> list[str]:
    """What is wrong with an alert's page."""
    text = alert.page.read_text(encoding="utf-8")
    parts = sections(text)
    if tuple(parts) != SECTIONS:
        return [f"sections are {', '.join(parts)}"]
    found = [] if text.startswith(f"# {alert.name}\n") else ["the title is not the alert's name"]
    found += [f"section {title} says nothing" for title, body in parts.items() if len(body) < _SHORTEST]
    places = [parts["Response"].find(part) for part in PARTS]
    if places[0] != 0 or places != sorted(places):
        found.append(f"the response does not begin with {PARTS[0]}, or lacks one of {', '.join(PARTS[1:])}")
    if not parts["Priority"].lower().startswith(alert.labels["severity"]):
        found.append(f"the priority does not begin with the severity {alert.labels['severity']}")
    found += _technique_faults(parts["Categorization"], known.techniques)
    found += noise.faults(alert, parts["False Positives"], known.words)
    return found + _fence_faults(parts, text, known.series) + shared_faults(text, known)


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
