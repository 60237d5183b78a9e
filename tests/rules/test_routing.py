"""The chart's routing is made of the example for Alertmanager; what cannot be taken over stops the generator."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from rules.routing import routing
from rules.tree import ROOT

EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "alertmanager.yml").read_text(encoding="utf-8"))


def test_every_inhibition_and_every_group_is_taken_over() -> None:
    made = routing(EXAMPLE)
    assert len(made["inhibitRules"]) == len(EXAMPLE["inhibit_rules"])
    chosen = [matcher["value"] for route in made["routes"] for matcher in route["matchers"]]
    assert chosen == ["PlatformWatchdog", "several", "ids|network|waf|host", "platform"]
    assert made["slack"].keys() >= {"title", "titleLink", "text", "color", "fallback", "actions"}
    assert not made["slack"].keys() & {"channel", "sendResolved"}


def _by_team(config: Any) -> None:
    config["route"]["routes"][2]["matchers"].append("team = blue")


def _escaped(config: Any) -> None:
    config["inhibit_rules"][0]["source_matchers"].append('alertname = "a\\"b"')


def _another_message(config: Any) -> None:
    config["receivers"][-1]["slack_configs"][0]["title"] = "Look!"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_by_team, "no route for one that chooses by control, team"),
        (_escaped, "is no matcher that can be read here"),
        (_another_message, "receivers show different messages in Slack"),
    ],
)
def test_what_the_chart_could_not_do_is_refused(spoil: Callable[[Any], None], sentence: str) -> None:
    config = copy.deepcopy(EXAMPLE)
    spoil(config)
    with pytest.raises(ValueError, match=sentence):
        routing(config)
