"""The tactic of an alert is read from its tags in every spelling that rules and senders use."""

import json
from collections.abc import Callable

import pytest

from exporter.catalog import TACTICS
from exporter.sources.tactics import tactic

NUMBERS = {
    1: "initial_access",
    2: "execution",
    3: "persistence",
    4: "privilege_escalation",
    5: "defense_evasion",
    6: "credential_access",
    7: "discovery",
    8: "lateral_movement",
    9: "collection",
    10: "exfiltration",
    11: "command_and_control",
    40: "impact",
    42: "resource_development",
    43: "reconnaissance",
}
"""As https://attack.mitre.org/tactics/enterprise/ has them."""


def test_every_tactic_has_a_number() -> None:
    """Guards the table above."""
    assert sorted(NUMBERS.values()) == sorted(TACTICS)


@pytest.mark.parametrize(
    "spelling",
    [
        "mitre_{name}",
        "MITRE_{NAME}",
        "Mitre-{name}",
        "mitre.{name}",
        "MITRE ATT&CK: {name}",
        "mitre_attack_{name}",
        "attack.{name}",
        "{name}",
        "{NAME}",
        "TA{number:04}",
        "ta{number:04}",
        "TA{number:04}_{name}",
        "TA{number:04}-{name}",
        "TA{number:04}:{name}",
        "mitre_TA{number:04}",
        "MITRE_TA{number:04}_{name}",
        "attack.ta{number:04}",
    ],
)
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("between", ["_", "-", " "])
def test_a_tactic_is_read_in_every_spelling(spelling: str, number: int, between: str) -> None:
    name = NUMBERS[number].replace("_", between)

    assert tactic([spelling.format(name=name, NAME=name.upper(), number=number)]) == NUMBERS[number]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["TA0043", "TA0040"], "reconnaissance"),
        (["mitre_impact", "mitre_execution", "container"], "execution"),
        (["mitre_exfiltration", "mitre_command_and_control"], "command_and_control"),
        # as rules have them: Sysdig's, and those of Falco's plugins
        (["host", "MITRE", "MITRE_T1552_unsecured_credentials", "MITRE_TA0006_credential_access"], "credential_access"),
        (["GCP", "VM", "T1485-data-destruction", "impact"], "impact"),
        (["GCP", "IAM", "abuse-elevation-control-mechanism"], "privilege_escalation"),
        (["GCP", "buckets", "data-exfiltration"], "exfiltration"),
        (["GCP", "buckets", "mitre_data_destruction"], "impact"),
        (["GCP", "backendService", "T1498-DOS"], "impact"),
        # the rules of the plugins for Kubernetes' audit log, CloudTrail, Okta and GitHub name none
        (["k8s"], ""),
        (["cloud", "aws", "aws_iam"], ""),
        (["okta"], ""),
        (["github"], ""),
        (["mitre_unheard_of", "TA9999", "T1059", "TA00051", "mitre", "mitre_", "attack", "", "-"], ""),
        (["impact_analysis", "no_execution", "TA0005defense", "my_mitre_impact"], ""),
        (["mitre_" * 1000 + "impact"], ""),
        ([], ""),
        (None, ""),
        ("mitre_execution", "execution"),
        ("", ""),
        ("execution of a plan", ""),
        (",".join(["mitre_impact", *["x" * 100] * 100_000]), "impact"),
        ({"mitre_execution": 1}, ""),
        ([{"mitre_execution": 1}, 5, None], ""),
    ],
)
def test_the_earliest_tactic_among_the_tags_is_taken(tags: object, expected: str) -> None:
    assert tactic(tags) == expected


@pytest.mark.parametrize(
    "write", [json.dumps, lambda tags: json.dumps(tags, separators=(",", ":")), ",".join, ", ".join]
)
@pytest.mark.parametrize("spelling", ["mitre_impact", "TA0040", "MITRE_TA0040_impact", "attack.impact", "Impact"])
def test_tags_that_a_shipper_made_a_text_are_read(write: Callable[[list[str]], str], spelling: str) -> None:
    for tags in ([spelling], ["container", spelling], [spelling, "PCI_DSS_10.2.1"], ["a", spelling, "T1485", "b"]):
        assert tactic(write(tags)) == tactic(tags) == "impact"
