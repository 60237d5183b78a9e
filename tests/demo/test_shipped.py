"""What the demo plays is what ships: only addresses and waits are others."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import shipped
from rules.bundle import plain
from rules.tree import ROOT, load


@pytest.fixture
def example() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "alertmanager.yml").read_text())
    return found


@pytest.fixture
def here(tmp_path: Path) -> dict[str, Any]:
    """The example as the demo runs it."""
    found: dict[str, Any] = yaml.safe_load(shipped.alertmanager("http://slack", "http://watchdog", tmp_path))
    return found


def without(tree: Any, *keys: str) -> Any:
    if isinstance(tree, list):
        return [without(item, *keys) for item in tree]
    if isinstance(tree, dict):
        return {key: without(item, *keys) for key, item in tree.items() if key not in keys}
    return tree


def waits(route: dict[str, Any], key: str) -> list[Any]:
    """One of the waits in every route, from the outside in."""
    return [route.get(key), *(wait for child in route.get("routes", ()) for wait in waits(child, key))]


def test_of_the_example_only_addresses_and_group_waits_are_others(
    example: dict[str, Any], here: dict[str, Any]
) -> None:
    others = ("slack_api_url_file", "templates", "url", "group_wait", "group_interval")
    assert without(here, *others) == without(example, *others)
    assert [Path(template).name for template in here["templates"]] == example["templates"]
    buttons = [hook.get("actions") for receiver in here["receivers"] for hook in receiver.get("slack_configs", ())]
    assert all(button["url"].startswith("{{ template") for actions in buttons for button in actions)


def test_every_group_wait_is_a_tenth(example: dict[str, Any], here: dict[str, Any]) -> None:
    milliseconds = {None: None, "0s": "0ms", "5s": "500ms", "10s": "1000ms", "30s": "3000ms", "1m": "6000ms"}
    milliseconds |= {"2m": "12000ms", "5m": "30000ms"}
    for key in ("group_wait", "group_interval"):
        assert waits(here["route"], key) == [milliseconds[wait] for wait in waits(example["route"], key)]


def test_addresses_lead_to_the_stand_ins(here: dict[str, Any], tmp_path: Path) -> None:
    assert Path(here["global"]["slack_api_url_file"]).read_text() == "http://slack"
    hooks = [hook for receiver in here["receivers"] for hook in receiver.get("webhook_configs", ())]
    assert [hook["url"] for hook in hooks] == ["http://watchdog"]
    assert list(tmp_path.iterdir()) == [Path(here["global"]["slack_api_url_file"])]


def test_the_rules_are_the_bundle_for_a_plain_prometheus_with_a_shorter_wait(tmp_path: Path) -> None:
    files = shipped.write_rules(tmp_path)
    bundle = plain(load(), (ROOT / "alerts").as_uri(), "")
    shorter = {
        name: text.replace("keep_firing_for: 2m\n", "keep_firing_for: 12000ms\n") for name, text in bundle.items()
    }
    assert shorter != bundle
    assert {file.name: file.read_text() for file in files} == shorter


def test_leaving_something_out_adds_one_rule_to_the_file_that_people_edit(tmp_path: Path) -> None:
    shipped.write_rules(tmp_path)
    file = tmp_path / shipped.THRESHOLDS
    before = yaml.safe_load(file.read_text())["groups"]
    shipped.leave_out({"alertname": "IdsCriticalAlert", "namespace": "payments"}, tmp_path)
    *others, group = yaml.safe_load(file.read_text())["groups"]
    assert others == before
    [rule] = group["rules"]
    assert rule == {
        "record": "threat:excluded",
        "labels": {"alertname": "IdsCriticalAlert", "namespace": "payments"},
        "expr": "vector(1)",
    }
