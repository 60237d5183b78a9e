"""The MITRE ATT&CK tactic of an alert, from its rule's tags in the spellings that people use."""

import re
from functools import lru_cache

from exporter.catalog import TACTICS

# The numbers that MITRE ATT&CK (Enterprise) gives its tactics, in the order of catalog.TACTICS.
_NUMBERS = (43, 42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10, 40)
_RANK_OF_NUMBER = {f"{number:04}": rank for rank, number in enumerate(_NUMBERS)}
_RANK_OF_NAME = {tactic: rank for rank, tactic in enumerate(TACTICS)}

# Published rules have these in a tactic's place: each is a technique, or a part, of that one tactic.
_RANK_OF_NAME |= {
    "data_destruction": TACTICS.index("impact"),
    "data_exfiltration": TACTICS.index("exfiltration"),
    "abuse_elevation_control_mechanism": TACTICS.index("privilege_escalation"),
    "t1498_dos": TACTICS.index("impact"),
}

_SEPARATORS = re.compile(r"[^a-z0-9]+")
_TAG = re.compile(r"(?:mitre_)?(?:att[a_]ck_)?(?:ta(\d{4})(?:_.*)?|(.*))")
_LONGEST_TAG = 64
_LONGEST_TEXT = 4096
_NONE = len(TACTICS)


def tactic(tags: object) -> str:
    """The earliest tactic on the attack chain that the tags name, or the empty string.

    Spellings, in any case and with any punctuation: `mitre_defense_evasion` (Falco), `TA0005`, `TA0005-defense-evasion`
    (Falco's plugins), `MITRE_TA0005_defense_evasion` (Sysdig), `attack.defense-evasion` (Sigma), `defense_evasion`.
    Tags are a list, or what log shippers make of one: its JSON as text, or the tags with commas between.
    """
    if type(tags) is str:
        tags = tags[:_LONGEST_TEXT].split(",")  # brackets and quotes are punctuation
    if type(tags) is not list:
        return ""
    earliest = _NONE
    for tag in tags:
        if type(tag) is str and len(tag) <= _LONGEST_TAG and (rank := _rank(tag)) < earliest:
            earliest = rank
    return TACTICS[earliest] if earliest < _NONE else ""


@lru_cache(maxsize=4096)
def _rank(tag: str) -> int:
    """The place on the attack chain of the tactic that a tag names, or the number of tactics."""
    found = _TAG.fullmatch(_SEPARATORS.sub("_", tag.lower()).strip("_"))
    assert found is not None  # its last part fits anything
    number, name = found.groups()
    return _RANK_OF_NUMBER.get(number, _NONE) if number else _RANK_OF_NAME.get(name, _NONE)
