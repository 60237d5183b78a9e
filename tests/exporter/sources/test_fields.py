"""`output_fields` in the spellings of log shippers give the same labels as Falco's own, or say that they do not."""

import json
import time
from collections.abc import Callable

import pytest

from exporter.sources import Rejected
from exporter.sources.falco import parse
from exporter.sources.falco_events import DropMessage, FalcoAlert, MetricsSnapshot

FALCO = {
    "evt.time": 1893553445678901234,
    "k8s.ns.name": "billing",
    "k8s.pod.name": "worker-5d78c9869d-8xv4q",
    "proc.cmdline": "sh -c id",
    "proc.aname[2]": "runc",
    "container.image.repository": "registry.example.com/worker",
    "user.uid": 0,
    "fd.name": "/etc/shadow",
}
"""What Falco would have sent."""


def nested(fields: dict[str, object]) -> dict[str, object]:
    """Every dot made an object."""
    tree: dict[str, object] = {}
    for name, value in fields.items():
        *path, last = name.split(".")
        at = tree
        for part in path:
            inner = at.setdefault(part, {})
            assert isinstance(inner, dict)
            at = inner
        at[last] = value
    return tree


def half_nested(fields: dict[str, object]) -> dict[str, object]:
    """Only the first dot made an object, the others `_`, as some do that expand one level."""
    tree: dict[str, dict[str, object]] = {}
    for name, value in fields.items():
        first, _, rest = name.partition(".")
        tree.setdefault(first, {})[rest.replace(".", "_")] = value
    return dict(tree)


def without_dots(fields: dict[str, object]) -> dict[str, object]:
    return {name.replace(".", "_"): value for name, value in fields.items()}


SPELLINGS = {
    "text": json.dumps(FALCO),
    "text without dots": json.dumps(without_dots(FALCO)),
    "nested": nested(FALCO),
    "nested text": json.dumps(nested(FALCO)),
    "half nested": half_nested(FALCO),
    "dotted objects": {"k8s.ns": {"name": "billing"}, "k8s.pod": {"name": FALCO["k8s.pod.name"]}}
    | {name: value for name, value in FALCO.items() if not name.startswith("k8s.")},
    "without dots": without_dots(FALCO),
    "with people's own keys": FALCO | {"cluster": "prod-1", "home_directory": "/root", "team": {"name": "pay"}},
    "both ways, alike": FALCO | without_dots(FALCO),
}


def read(fields: object, **keys: object) -> list[object]:
    return list(parse(json.dumps({"rule": "R", **keys, "output_fields": fields}).encode(), 10))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_spelling_gives_what_falcos_own_gives(spelling: str) -> None:
    [due] = read(FALCO)
    [found] = read(SPELLINGS[spelling])

    assert isinstance(due, FalcoAlert)
    assert isinstance(found, FalcoAlert)
    assert found[:9] == due[:9]
    assert found.describe() == due.describe()
    assert found[5:8] == ("billing", "worker-5d78c9869d-8xv4q", "worker")


@pytest.mark.parametrize("separator", [".", "_"])
@pytest.mark.parametrize("spell", [dict, without_dots, half_nested, nested])
@pytest.mark.parametrize("absent", [{}, {"output_fields": None}])
def test_fields_of_an_alert_that_was_flattened_whole_are_read(
    separator: str, spell: Callable[[dict[str, object]], dict[str, object]], absent: dict[str, object]
) -> None:
    [due] = read(FALCO)
    flat = {f"output_fields{separator}{name}": value for name, value in spell(FALCO).items()}
    [found] = parse(json.dumps({"rule": "R", **absent, **flat}).encode(), 10)

    assert isinstance(due, FalcoAlert)
    assert isinstance(found, FalcoAlert)
    assert found[:9] == due[:9]
    assert found.describe() == due.describe()


def test_a_flattened_alert_with_two_values_for_a_field_says_so() -> None:
    flat = {"rule": "R", "output_fields_k8s_ns_name": "shop", "output_fields_k8s": {"ns": {"name": "other"}}}
    [found, fault] = parse(json.dumps(flat).encode(), 10)

    assert isinstance(found, FalcoAlert)
    assert found.k8s_ns_name == ""
    assert isinstance(fault, Rejected)
    assert fault.reason == "bad_fields"


def test_flattened_fields_of_an_alert_that_has_its_own_are_left() -> None:
    body = {"rule": "R", "output_fields": {"k8s.ns.name": "shop"}, "output_fields.k8s.pod.name": "web-0"}
    [found] = parse(json.dumps(body).encode(), 10)

    assert isinstance(found, FalcoAlert)
    assert found[5:7] == ("shop", "")


@pytest.mark.parametrize("spelling", ["nested", "text", "text without dots", "without dots"])
def test_tuning_finds_a_field_that_no_label_reads(spelling: str) -> None:
    [found] = read(SPELLINGS[spelling])

    assert isinstance(found, FalcoAlert)
    assert found.fields.text("proc.aname[2]") == "runc"


@pytest.mark.parametrize("spell", [nested, without_dots, json.dumps])
def test_falcos_own_messages_are_read_in_any_spelling(spell: object) -> None:
    assert callable(spell)
    snapshot = {"evt.source": "k8s_audit", "scap.n_evts": 7, "scap.n_drops": 2}
    [found] = read(spell(snapshot), rule="Falco internal: metrics snapshot")
    assert found == MetricsSnapshot("", None, "k8s_audit", 7, 2)
    [found] = read(spell({"n_drops": "12"}), rule="Falco internal: syscall event drop")
    assert found == DropMessage("", None, 12)


def test_falcos_own_spelling_wins() -> None:
    [found] = read({"k8s.ns.name": "shop", "k8s_ns_name": "other", "k8s": {"ns": {"name": "third"}}})

    assert isinstance(found, FalcoAlert)
    assert found.k8s_ns_name == "shop"


@pytest.mark.parametrize("nothing", [None, "", "<NA>"])
def test_a_spelling_that_says_nothing_gives_way(nothing: object) -> None:
    for fields in (
        {"k8s.ns.name": nothing, "k8s_ns_name": "shop"},
        {"k8s_ns_name": nothing, "k8s": {"ns": {"name": "shop"}}},
        {"k8s": {"ns": {"name": "shop"}, "ns_name": nothing}},
    ):
        [found] = read(fields)
        assert isinstance(found, FalcoAlert)
        assert found.k8s_ns_name == "shop"


def test_two_values_for_one_field_are_not_guessed_between() -> None:
    found, fault = read({"k8s_ns_name": "shop", "k8s": {"ns": {"name": "billing"}}, "k8s_pod_name": "web-0"})

    assert isinstance(found, FalcoAlert)
    assert found[5:8] == ("", "web-0", "web")
    assert isinstance(fault, Rejected)
    assert fault.reason == "bad_fields"
    assert "without its k8s.ns.name" in fault.message


@pytest.mark.parametrize(
    "sent", ["k8s.ns.name=shop", "7", "{", "[1]", '"x"', 7, True, ["shop"], "\ud800", '{"a":' * 100 + "1" + "}" * 100]
)
def test_fields_that_are_no_object_cost_the_labels_and_not_the_alert(sent: object) -> None:
    found, fault = read(sent, priority="Critical")

    assert isinstance(found, FalcoAlert)
    assert found[:3] == ("R", "critical", "syscall")
    assert isinstance(fault, Rejected)
    assert fault.reason == "bad_fields"


@pytest.mark.parametrize("sent", [None, "", "<NA>", "null", "[]", [], {}, "{}"])
def test_no_fields_are_no_fault(sent: object) -> None:
    [found] = read(sent)

    assert isinstance(found, FalcoAlert)
    assert found[5:8] == ("", "", "")


def test_a_fault_names_only_fields_that_are_read() -> None:
    """Names come from the network: others are not repeated in the log, however many have two values."""
    found, fault = read({"\x1b[31m": {"a.b": 1}, "\x1b[31m.a": {"b": 2}, "k8s_ns_name": "a", "k8s": {"ns_name": "b"}})

    assert isinstance(found, FalcoAlert)
    assert isinstance(fault, Rejected)
    assert "without its k8s.ns.name:" in fault.message
    [found] = read({"x": {"a.b": 1}, "x.a": {"b": 2}})
    assert isinstance(found, FalcoAlert)
    assert found.fields.text("x.a.b") == ""


MEBIBYTE = 1 << 20


def ways(*parts: str) -> dict[str, object]:
    """Every way to write one name with dots and objects, 2 to the power of its dots, all in one object."""
    split = {".".join(parts[:at]): ways(*parts[at:]) for at in range(1, len(parts))}
    return {**split, ".".join(parts): 1} if len(parts) < 13 else dict(split)


EXPENSIVE: dict[str, object] = {
    "a long name over many values": {"k" * (MEBIBYTE // 2): {str(number): 1 for number in range(40_000)}},
    "many ways to a large value": {".".join("abcdefghijklm"): {"x": ["y" * 40] * 15_000}, **ways(*"abcdefghijklm")},
    "many objects": {f"{number}.": {"a": {"b": {"c": number}}} for number in range(20_000)},
    "many names": {str(number): number for number in range(80_000)},
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_no_fields_of_a_mebibyte_keep_the_receiver_busy(name: str) -> None:
    body = json.dumps({"rule": "R", "output_fields": EXPENSIVE[name]}).encode()
    assert MEBIBYTE // 4 < len(body) < 1.5 * MEBIBYTE
    start = time.process_time()
    for found in parse(body, 10):
        if isinstance(found, FalcoAlert):
            found.describe()
    assert time.process_time() - start < 1.5
