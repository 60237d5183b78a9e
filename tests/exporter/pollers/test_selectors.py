"""Label selectors, as the documentation of Kubernetes and of Cilium describes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.pollers.coverage.selectors import cilium_labels, cilium_selector, requirement, selector

LABELS = {"app": "web", "tier": "front", "n": "7"}


@pytest.mark.parametrize(
    ("written", "selects"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchLabels": {"other": "web"}}, False),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "In", "values": ["api"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "gone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]}, True),
        (
            {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
            False,
        ),
    ],
)
def test_a_selector_selects(written: dict[str, Any], selects: bool) -> None:
    read = selector(written)
    assert read is not None
    assert read.selects(LABELS) is selects


def test_one_that_is_not_there_selects_nothing() -> None:
    assert selector(None) is None


@pytest.mark.parametrize(
    "written",
    [
        [],
        "app=web",
        {"matchExpressions": [{"key": "app", "operator": "Like", "values": ["w*"]}]},
        {"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In"}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": []}]},
    ],
)
def test_what_is_none_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        selector(written)


@pytest.mark.parametrize(
    ("operator", "bound", "holds"),
    [("Gt", "6", True), ("Gt", "7", False), ("Lt", "8", True), ("Lt", "7", False), ("Gt", "x", False)],
)
def test_node_affinity_compares_numbers(operator: str, bound: str, holds: bool) -> None:
    read = requirement({"key": "n", "operator": operator, "values": [bound]}, ("Gt", "Lt"))
    assert read.holds(LABELS) is holds
    assert not read.holds({"app": "web"})
    with pytest.raises(ValueError, match="takes one value"):
        requirement({"key": "n", "operator": operator, "values": ["1", "2"]}, ("Gt", "Lt"))


@pytest.mark.parametrize(
    ("written", "selects"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"k8s:app": "web"}}, True),
        ({"matchLabels": {"any:app": "web"}}, True),
        ({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}}, True),
        ({"matchLabels": {"io.kubernetes.pod.namespace": "other"}}, False),
        ({"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "red"}}, True),
        ({"matchLabels": {"io.cilium.k8s.policy.serviceaccount": "runner"}}, True),
        ({"matchLabels": {"reserved:host": ""}}, False),
        ({"matchExpressions": [{"key": "k8s:app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}]}, True),
    ],
)
def test_cilium_knows_a_pod_by_more_labels(written: dict[str, Any], selects: bool) -> None:
    read = cilium_selector(written)
    assert read is not None
    assert read.selects(cilium_labels(LABELS, "shop", {"team": "red"}, "runner")) is selects


def test_a_pod_cannot_take_the_name_of_another_namespace() -> None:
    forged = cilium_labels({"io.kubernetes.pod.namespace": "other"}, "shop", {}, "default")
    read = cilium_selector({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "other"}})
    assert read is not None
    assert not read.selects(forged)


KEYS = st.sampled_from("abc")


@given(
    labels=st.dictionaries(KEYS, KEYS),
    key=KEYS,
    values=st.lists(KEYS, min_size=1),
)
def test_in_and_not_in_are_opposites(labels: dict[str, str], key: str, values: list[str]) -> None:
    inside, outside = (
        selector({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
        for operator in ("In", "NotIn")
    )
    assert inside is not None
    assert outside is not None
    assert inside.selects(labels) is not outside.selects(labels)
