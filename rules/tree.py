"""The rules as they lie on disk: `recording/<family>.yaml` and `alerts/<family>/<Alert>.yaml`, in promtool's format."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

ROOT = Path(__file__).parent

SEVERITIES = ("critical", "warning", "info")
"""What an alert asks for: act now, act soon, look while investigating."""

LONGEST_GROUP = 20
"""Rules in a group: more of them Mimir's ruler refuses by default."""

CONTROLS = ("ids", "network", "waf", "host", "platform", "several")
"""Label `control` of an alert."""


@dataclass(frozen=True)
class Rule:
    """One rule. `group` is the name of its group, `path` the file that holds it."""

    kind: Literal["record", "alert"]
    name: str
    expr: str
    group: str
    path: Path
    wait: str = ""
    keep: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The folder of an alert, the file of a recording."""
        return self.path.parent.name if self.kind == "alert" else self.path.stem

    @property
    def page(self) -> Path:
        return self.path.with_suffix(".md")

    @property
    def test(self) -> Path:
        return self.path.with_suffix(".test.yaml")

    def as_yaml(self) -> dict[str, Any]:
        """The rule in Prometheus' own format."""
        out: dict[str, Any] = {self.kind: self.name, "expr": self.expr}
        if self.wait:
            out["for"] = self.wait
        if self.keep:
            out["keep_firing_for"] = self.keep
        if self.labels:
            out["labels"] = dict(self.labels)
        if self.annotations:
            out["annotations"] = dict(self.annotations)
        return out


@dataclass(frozen=True)
class Tree:
    """All rules below `root`: recordings in the order in which they build on each other, alerts by family and name."""

    root: Path
    recordings: tuple[Rule, ...]
    alerts: tuple[Rule, ...]
    groups: tuple[dict[str, Any], ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.recordings + self.alerts


# A control's own file comes before what reads all controls; a file that is not named here is a control's.
_LAST = ("correlated", "totals")


def _order(path: Path) -> tuple[int, str]:
    if path.stem == "thresholds":
        return -1, ""
    return (_LAST.index(path.stem) + 1, "") if path.stem in _LAST else (0, path.stem)


def _rules(path: Path) -> tuple[list[dict[str, Any]], list[Rule]]:
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    rules = []
    for group in groups:
        for rule in group["rules"]:
            kind: Literal["record", "alert"] = "alert" if "alert" in rule else "record"
            rules.append(
                Rule(
                    kind,
                    rule[kind],
                    rule["expr"],
                    group["name"],
                    path,
                    rule.get("for", ""),
                    rule.get("keep_firing_for", ""),
                    rule.get("labels", {}),
                    rule.get("annotations", {}),
                )
            )
    return groups, rules


def load(root: Path = ROOT) -> Tree:
    """Read every rule file below `root`. Raises yaml.YAMLError or KeyError on a file that is not a rule file."""
    recordings: list[Rule] = []
    alerts: list[Rule] = []
    groups: list[dict[str, Any]] = []
    for path in sorted(root.glob("recording/*.yaml"), key=_order):
        if not path.name.endswith(".test.yaml"):
            found, rules = _rules(path)
            groups += found
            recordings += rules
    for path in sorted(root.glob("alerts/*/*.yaml")):
        if not path.name.endswith(".test.yaml"):
            found, rules = _rules(path)
            groups += found
            alerts += rules
    return Tree(root, tuple(recordings), tuple(alerts), tuple(groups))
