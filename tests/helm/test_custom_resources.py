"""Custom resources are what their published models describe: every field is known, every value fits."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.helm import reference
from tests.helm.chart import EXAMPLES, Object, example, objects
from tests.helm.custom_resources import faults, need

GROUPS = ("monitoring.coreos.com", "cilium.io", "cert-manager.io", "grafana.integreatly.org")


@pytest.fixture(scope="session", autouse=True)
def models() -> None:
    """The published models, fetched if they are not there yet."""
    need()


def shown() -> list[Object]:
    """The values in the README, each of which brings a manifest of its own."""
    readme = reference.README.read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)]


def custom(*every: Any) -> list[Object]:
    """The custom resources that these values bring."""
    made = [found for values in every for found in objects(values)]
    return [found for found in made if found["apiVersion"].split("/")[0] in GROUPS]


def test_all_examples_fit_the_models() -> None:
    made = custom(*(example(path) for path in EXAMPLES), *shown())
    kinds = {found["kind"] for found in made}
    assert kinds == {
        "AlertmanagerConfig",
        "Certificate",
        "CiliumNetworkPolicy",
        "GrafanaDashboard",
        "PrometheusRule",
        "ServiceMonitor",
    }
    assert faults(made) == []


def _typo(made: Object) -> None:
    made["spec"]["endpoints"][0]["honorLabel"] = False


def _value(made: Object) -> None:
    made["spec"]["endpoints"][0]["interval"] = "15 seconds"


def _kind(made: Object) -> None:
    made["spec"]["namespaceSelector"] = "monitoring"


@pytest.mark.parametrize(
    ("spoil", "sentence"), [(_typo, "honorLabel"), (_value, "interval"), (_kind, "namespaceSelector")]
)
def test_a_mistake_would_be_found(spoil: Callable[[Object], None], sentence: str) -> None:
    made = custom({"serviceMonitor": {"enabled": True}})
    broken = copy.deepcopy(made[0])
    spoil(broken)
    assert faults(made) == []
    assert any(sentence in fault for fault in faults([broken]))
