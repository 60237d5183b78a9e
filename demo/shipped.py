"""The rules and the Alertmanager example as they ship, made to run here: only addresses and waits are others.

The rules are what `python -m rules --out` writes. The waits that follow the speed of scraping are shortened as scraping
is; how often a message is repeated stays.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from rules.bundle import plain
from rules.tree import ROOT, Rule, load

QUICKER = 10
"""How many times quicker than a usual Prometheus the demo's is: it scrapes every 2 and evaluates every second."""

THRESHOLDS = "threatboard-thresholds.yaml"
EXCLUDED = "threatboard-excluded"


def write_rules(folder: Path) -> list[Path]:
    """Writes the bundle for a plain Prometheus into this folder, with the runbooks of this checkout; its files."""
    files = {folder / name: text for name, text in plain(load(), (ROOT / "alerts").as_uri(), "").items()}
    for file, text in files.items():
        file.write_text(re.sub(r"(?<=keep_firing_for: )\w+", lambda wait: _quicker(wait[0]), text))
    return sorted(files)


def leave_out(labels: dict[str, str], folder: Path) -> None:
    """Adds the rule with these labels, which leaves out what they say, in a group to the file that people edit."""
    file = folder / THRESHOLDS
    rules = yaml.safe_load(file.read_text())
    rule = {"record": "threat:excluded", "labels": labels, "expr": "vector(1)"}
    group = next((one for one in rules["groups"] if one["name"] == EXCLUDED), None)
    if group is None:
        group = {"name": EXCLUDED, "rules": []}
        rules["groups"].append(group)
    group["rules"].append(rule)
    file.write_text(yaml.safe_dump(rules))


def alert(name: str) -> Rule:
    """An alert of the bundle."""
    return next(rule for rule in load().alerts if rule.name == name)


def alertmanager(slack: str, watchdog: str, folder: Path) -> str:
    """The text of the example with these addresses; Slack's, a secret in real life, lies in a file in the folder."""
    webhook = folder / "slack-webhook"
    webhook.write_text(slack)
    config = yaml.safe_load((ROOT / "alertmanager.yml").read_text())
    config["global"]["slack_api_url_file"] = str(webhook)
    config["templates"] = [str(ROOT / template) for template in config["templates"]]
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = watchdog
    for route in _routes(config["route"]):
        for wait in {"group_wait", "group_interval"} & route.keys():
            route[wait] = _quicker(route[wait])
    return yaml.safe_dump(config)


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for child in route.get("routes", []):
        yield from _routes(child)


_MILLISECONDS: Mapping[str, int] = {"s": 1_000, "m": 60_000}


def _quicker(wait: str) -> str:
    return f"{int(wait[:-1]) * _MILLISECONDS[wait[-1]] // QUICKER}ms"
