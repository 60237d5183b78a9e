"""What the number of a WAF's rule says: the numbering of the OWASP Core Rule Set (CRS), and ModSecurity's severities.

The files of the CRS carry the first three digits of their rules (`REQUEST-942-APPLICATION-ATTACK-SQLI.conf`); tags are
no substitute, for libmodsecurity leaves them out of the rules that call a detector of attacks.
"""

from typing import NamedTuple

_FAMILIES = {
    911: "method",
    912: "dos",
    913: "scanner",
    920: "protocol",
    921: "protocol",
    922: "multipart",
    930: "lfi",
    931: "rfi",
    932: "rce",
    933: "php",
    934: "generic",
    941: "xss",
    942: "sqli",
    943: "session_fixation",
    944: "java",
    950: "leak",
    951: "leak",
    952: "leak",
    953: "leak",
    954: "leak",
    955: "web_shell",
}
_EVALUATING = (949, 959, 980)
"""Families of rules that add up what others found, and find nothing themselves."""

BLOCKING = frozenset({949110, 949111, 959100, 959101})
"""Those of them that, in an engine that blocks, stop a request whose score is too high."""

_SEVERITIES = ("unknown", "alert", "critical", "error", "warning", "notice", "informational", "debug")
"""By number. 0 is EMERGENCY, or that a rule has none: the CRS has no rule of that severity, and many without one."""

_BY_DIGIT = {str(number): name for number, name in enumerate(_SEVERITIES)}
_NAMES = {"alert", "critical", "error", "warning", "notice", "debug"}


class Finding(NamedTuple):
    """A rule that found something, and what the record says of it: `data` holds what the client sent."""

    number: int
    severity: str
    message: object
    data: object
    tags: object


def class_of(number: int) -> str:
    """The catalog's class of a rule; `custom` for one that is not of the CRS."""
    if is_custom(number):
        return "custom"
    return _FAMILIES.get(number // 1000, "unknown")


def is_custom(number: int) -> bool:
    """Is this a rule of somebody's own? Those of the CRS have six digits, the first a 9."""
    return not 900_000 <= number <= 999_999


def evaluates(number: int) -> bool:
    """Does this rule only add up what others found?"""
    return number // 1000 in _EVALUATING


def severity(written: object) -> str:
    """A severity of the catalog from a number, its digits, or its name in any case."""
    if isinstance(written, str):
        if (known := _BY_DIGIT.get(written)) is not None:  # nearly always
            return known
        name = written.lower()
        if name in _NAMES:
            return name
        if name == "info":
            return "informational"
        return "unknown"
    if isinstance(written, bool) or not isinstance(written, int) or not 0 <= written < len(_SEVERITIES):
        return "unknown"
    return _SEVERITIES[written]


def worst(findings: list[Finding]) -> Finding | None:
    """The first of the most severe that found something itself; a severity that is not known counts least."""
    found = None
    least = len(_SEVERITIES) + 1
    for finding in findings:
        if _RANK[finding.severity] < least and not evaluates(finding.number):
            found, least = finding, _RANK[finding.severity]
    return found


_RANK = {name: rank or len(_SEVERITIES) for rank, name in enumerate(_SEVERITIES)}
