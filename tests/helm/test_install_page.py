"""docs/install.md leads somewhere: what it names exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from exporter import catalog
from tests.helm import reference
from tests.helm.chart import CHART, ROOT, example

PAGE = ROOT / "docs/install.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT) + re.findall(
        r"\]\(([^)#]+)", reference.README.read_text(encoding="utf-8")
    )
    assert len(links) > 8
    for link in links:
        assert (PAGE.parent / link).exists() or (CHART / link).exists(), link


def test_every_value_is_one_of_the_charts() -> None:
    known = {row.path for row in reference.rows(reference.schema(), reference.defaults())}
    known |= {"rules.overrides." + name for name in ("enabled", "for", "severity", "threshold")}
    parts = {".".join(path.split(".")[:depth]) for path in known for depth in range(1, 5)}
    named = set(re.findall(r"`((?:config|rules|intake|metrics|monitoring|networkPolicy|controls)\.[\w.<>]+)", TEXT))
    named = {name.replace(".<alert>", "") for name in named}
    assert len(named) > 10
    assert named - parts == set()


def test_every_metric_and_alert_exists() -> None:
    metrics = set(re.findall(r"\bthreat_\w+", TEXT))
    rules = yaml.safe_load((CHART / "files/rules.yaml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule.get("alert") for group in rules for rule in group["rules"]}
    assert len(metrics) >= 5
    assert metrics - catalog.METRICS.keys() == set()
    assert set(re.findall(r"\b(?:Ids|Platform)[A-Z]\w+", TEXT)) <= alerts


def test_it_makes_every_secret_that_its_examples_name() -> None:
    """A pod waits for ever for a secret that is not there."""
    blocks = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    making = "".join(block for block in blocks if "create secret" in block)
    for name in ("staging", "production"):
        values = example(CHART / f"ci/{name}-values.yaml")
        secrets = {part["existingSecret"] for part in _mappings(values) if "existingSecret" in part}
        assert secrets
        assert [secret for secret in secrets if not re.search(rf"\b{secret}\b", making)] == []


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _mappings(child)


def test_the_files_that_it_starts_from_are_examples() -> None:
    for name in ("staging-values.yaml", "production-values.yaml", "mtls-values.yaml"):
        assert name in TEXT
        assert Path(CHART / "ci" / name).is_file()
