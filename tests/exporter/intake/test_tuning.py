"""Tuning: which entry decides about an alert."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.tuning import FalcoEntry, labels
from exporter.intake.tuning import Tuning, glob


class Fields(dict[str, str]):
    """Output fields that note which of them were asked for."""

    def __init__(self, *args: object, **kwargs: str) -> None:
        super().__init__(*args, **kwargs)
        self.asked: list[str] = []

    def text(self, name: str, /) -> str:
        self.asked.append(name)
        return self.get(name, "")


class Sample(NamedTuple):
    """An alert as the parser gives it."""

    rule: str = "Terminal shell in container"
    priority: str = "notice"
    source: str = "syscall"
    tactic: str = "execution"
    hostname: str = "node-1"
    k8s_ns_name: str = "shop"
    k8s_pod_name: str = "web-7d4b9c-x2x1z"
    workload: str = "web"
    fields: Fields = Fields({"proc.name": "bash", "user.uid": "0"})


def entry(reason: str = "known", /, **match: str | tuple[str, ...]) -> FalcoEntry:
    texts = {name.replace("__", "."): (text,) if isinstance(text, str) else text for name, text in match.items()}
    return FalcoEntry(match=texts, action="suppress", reason=reason)


def tuning(*entries: FalcoEntry) -> Tuning[FalcoEntry]:
    return Tuning(entries, labels("ids"), "rule")


MATCHES: dict[str, tuple[dict[str, str | tuple[str, ...]], bool]] = {
    "an equal text fits": ({"rule": "Terminal shell in container"}, True),
    "a part of a text does not fit": ({"rule": "Terminal shell"}, False),
    "case matters": ({"rule": "terminal shell in container"}, False),
    "one of a list is enough": ({"k8s_ns_name": ("dev", "shop")}, True),
    "none of a list does not fit": ({"k8s_ns_name": ("dev", "test")}, False),
    "a glob at the end fits": ({"k8s_pod_name": "web-*"}, True),
    "a glob in a list fits": ({"k8s_pod_name": ("db-*", "web-*")}, True),
    "a glob may stand for nothing": ({"workload": "web*"}, True),
    "a glob of a rule fits": ({"rule": "Terminal*"}, True),
    "another glob of a rule does not": ({"rule": "Read*"}, False),
    "an output field fits": ({"proc__name": "bash"}, True),
    "another output field does not": ({"proc__name": "sh"}, False),
    "every key must fit": ({"k8s_ns_name": "shop", "proc__name": "sh"}, False),
    "all keys fit": ({"rule": "Terminal*", "k8s_ns_name": "shop", "proc__name": "ba*", "user__uid": "0"}, True),
    "a missing field is empty": ({"container__id": ""}, True),
    "a present field is not empty": ({"proc__name": ""}, False),
    "a glob fits a missing field": ({"container__id": "*"}, True),
    "a question mark is itself": ({"workload": "we?"}, False),
    "brackets are themselves": ({"workload": "[w]eb"}, False),
    "a dot is itself in a glob": ({"proc__name": "b.s*"}, False),
}


@pytest.mark.parametrize("sentence", MATCHES)
def test_match(sentence: str) -> None:
    """Each sentence of the table holds."""
    match, expected = MATCHES[sentence]
    assert (tuning(entry(**match)).verdict(Sample()) is not None) is expected


@pytest.mark.parametrize("label", labels("ids"))
def test_every_label_of_the_alert_metric_can_be_matched(label: str) -> None:
    """A label is compared with the alert's own value, not with an output field of that name."""
    alert = Sample()._replace(**{label: "exactly this"})  # type: ignore[arg-type]
    assert tuning(entry(**{label: "exactly this"})).verdict(alert)
    assert not tuning(entry(**{label: "something else"})).verdict(alert)


@pytest.mark.parametrize("other", ["Terminal shell in container", "Terminal*", "*"])
def test_the_first_matching_entry_wins_however_the_entries_name_the_rule(other: str) -> None:
    first, second = entry("first", rule=other), entry("second", rule="Terminal shell in container")
    anywhere = entry("anywhere", k8s_ns_name="shop")
    for order in ([first, second, anywhere], [second, anywhere, first], [anywhere, first, second]):
        assert tuning(*order).verdict(Sample()) is order[0]


def test_an_entry_that_fits_only_in_part_leaves_the_next_its_turn() -> None:
    half, whole = entry("half", rule="Terminal*", proc__name="sh"), entry("whole", rule="Terminal*")
    assert tuning(half, whole).verdict(Sample()) is whole


def test_without_entries_tuning_is_false_and_asks_for_nothing() -> None:
    class Untouchable:
        def __getitem__(self, index: int) -> str:
            assert labels("ids")[index] == "rule"
            return "Terminal shell in container"

    assert not tuning()
    assert tuning().verdict(Untouchable()) is None  # type: ignore[arg-type]
    assert tuning(entry(rule="x"))
    assert tuning(entry(k8s_ns_name="x"))


def test_an_alert_of_a_rule_that_no_entry_names_tries_no_entry() -> None:
    alert = Sample(rule="Never seen before", fields=Fields())
    assert tuning(*[entry(rule=f"rule {number}", proc__name="*") for number in range(1000)]).verdict(alert) is None
    assert alert.fields.asked == []


def test_output_fields_are_asked_for_only_when_all_labels_fit() -> None:
    alert = Sample(fields=Fields())
    tuning(entry(proc__name="bash", k8s_ns_name="elsewhere")).verdict(alert)
    assert alert.fields.asked == []


TEXT = st.text("ab*", max_size=8)


@given(pattern=TEXT.filter(lambda text: "*" in text), text=st.text("ab", max_size=8))
def test_a_glob_means_what_the_shell_means_by_a_star(pattern: str, text: str) -> None:
    assert glob(pattern)(text) == fnmatchcase(text, pattern)


def test_a_hostile_text_costs_a_glob_no_more_than_its_length() -> None:
    """Backtracking would not end within the lifetime of the test run."""
    assert not glob("*a" * 40 + "b*c")("a" * 100_000)
