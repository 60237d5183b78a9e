"""Every fault of the catalog: found where it is, not where it is not, and not judged where nothing is known."""

from dataclasses import replace

import pytest

from exporter.catalog.watch import AGENTS, FAULTS
from exporter.pollers.coverage.faults import CHECKS, find
from tests.exporter.pollers.fault_cases import CASES, READ, SETTINGS, cluster, hosts


def test_every_fault_has_a_check_and_a_case() -> None:
    assert set(FAULTS) == set(CHECKS) == set(CASES)
    for check in CHECKS.values():
        assert set(check.needs) <= set(READ)


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_is_found_where_it_is(reason: str) -> None:
    case = CASES[reason]
    assert [find(cluster(one), SETTINGS).get(reason) for one in case.there] == [True] * len(case.there)
    assert [find(cluster(one), SETTINGS).get(reason) for one in case.not_there] == [False] * len(case.not_there)
    assert [find(cluster(one), SETTINGS).get(reason) for one in case.unknown] == [None] * len(case.unknown)
    assert case.there
    assert case.not_there


@pytest.mark.parametrize("reason", FAULTS)
def test_nothing_is_said_of_what_cannot_be_read(reason: str) -> None:
    case = CASES[reason]
    assert case.needs in CHECKS[reason].needs
    for one in (*case.there, *case.not_there):
        assert reason not in find(cluster(one, lacking=case.needs), SETTINGS)


@pytest.mark.parametrize(
    ("expected", "reasons"),
    [
        ("ids", {"falco_not_found"}),
        ("network", {"cilium_not_found"}),
        ("waf", {"waf_hosts_missing"}),
        ("hubble", set()),
    ],
)
def test_what_nobody_expects_is_not_missed(expected: str, reasons: set[str]) -> None:

    found = find(cluster(hosts("new.example.com")), replace(SETTINGS, expected=frozenset({expected})))
    assert {reason for reason, there in found.items() if there} == reasons


def test_each_fault_is_of_a_control_and_has_a_sentence() -> None:
    for fault in FAULTS.values():
        assert fault.mend.endswith(".")
        assert "\n" not in fault.mend
        assert len(fault.mend) <= 200
    assert {fault.control for fault in FAULTS.values()} >= set(AGENTS.values())
