"""Where numbers come from: the component and the setting that each metric needs, told by every panel.

Metrics of others are described in `rules/external.yaml` (what rules read too) and `dashboards/external.yaml` (what only
boards read), both in one format.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from exporter import catalog

HERE = Path(__file__).parent
FILES = (HERE.parent / "rules" / "external.yaml", HERE / "external.yaml")

OURS = ("threatboard's exporter", "scrape its port 9376")
RULES = ("threatboard's recording rules", "load rules/recording")

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OPTIONS = ":labelsContext="


@cache
def external() -> dict[str, tuple[str, str]]:
    """Metric -> the component that exports it, and the setting that makes it."""
    found = {}
    for file in FILES:
        for name, entry in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            found[name] = (str(entry["component"]), str(entry["setting"]))
    return found


def _needs(expressions: Iterable[str]) -> list[tuple[str, str]]:
    """The (component, setting) pairs that the expressions read from, each once, in their order."""
    found: dict[tuple[str, str], None] = {}
    for expression in expressions:
        # What stands in quotes is a label's value.
        for name in _NAME.findall(re.sub(r'"[^"]*"', "", expression)):
            if name in external():
                found[external()[name]] = None
            elif re.sub("_(bucket|sum|count)$", "", name) in catalog.METRICS:
                found[OURS] = None
            elif name.count(":") == 2:
                found[RULES] = None
    return list(found)


def origin(expressions: Iterable[str]) -> str:
    """For the description: every component with its setting in full."""
    return "; ".join(f"{component} ({setting})" for component, setting in _needs(expressions))


def missing(expressions: Iterable[str]) -> str:
    """What a panel says when there is nothing: what would have to be turned on, in short."""
    needs = [
        (component, setting.split(_OPTIONS)[0] + (" with labelsContext" if _OPTIONS in setting else ""))
        for component, setting in _needs(expressions)
    ]
    return "No data. Needs " + "; ".join(dict.fromkeys(f"{component} ({setting})" for component, setting in needs))
